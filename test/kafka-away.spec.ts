import { sign } from '@talaria/whatsapp';
import { topics } from '@talaria/contracts';
import { appSecret, type Platform, startPlatform } from '../tools/platform/platform';
import { type Stack } from '../tools/stack/stack';
import { eventually, kafkaConfigOf, readAll, startOwnKafka, testDirectories } from './kit';

describe('while Kafka is away', () => {
  let stack: Stack;
  let platform: Platform;

  beforeAll(async () => {
    stack = await startOwnKafka();
    platform = await startPlatform({
      name: 'test-away',
      directories: testDirectories('away'),
      ...stack,
      env: { ingestion: { WEBHOOK_ACK_TIMEOUT: '1s' } },
    });
  }, 120_000);

  afterAll(async () => {
    stack.brokers[0]?.resume();
    await platform.stop();
    await stack.stop();
  }, 60_000);

  const post = async (id: string) => {
    const body = JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: '1',
          changes: [
            {
              field: 'messages',
              value: {
                metadata: { phone_number_id: '2' },
                messages: [{ id, from: '15550001111', type: 'text' }],
              },
            },
          ],
        },
      ],
    });
    const response = await fetch(platform.webhookUrl, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-hub-signature-256': sign(Buffer.from(body), appSecret),
      },
    });
    return { status: response.status, text: await response.text() };
  };
  const written = async () => {
    const records = await readAll(kafkaConfigOf(platform), topics.webhooks.name);
    return records.map(({ value }) => /"id":"(wamid[^"]*)"/.exec(String(value))?.[1]);
  };

  it('a webhook is answered 503, so that Meta sends it again; when Kafka is back, 200 and nothing is missing', async () => {
    expect(await post('wamid.before')).toEqual({ status: 200, text: '' });
    stack.brokers[0]?.pause();
    expect(await post('wamid.during')).toEqual({ status: 503, text: '' });
    expect((await fetch(`${platform.apps.ingestion.url}/health/live`)).status).toBe(200);
    const isReady = async () => (await fetch(`${platform.apps.ingestion.url}/health/ready`)).ok;
    stack.brokers[0]?.resume();
    // Without traffic: a load balancer sends none to who is not ready.
    await eventually(async () => expect(await isReady()).toBe(true), 60_000);
    await eventually(async () => {
      expect((await post('wamid.after')).status).toBe(200);
    }, 60_000);
    expect(await written()).toEqual(expect.arrayContaining(['wamid.before', 'wamid.after']));
  }, 90_000);
});
