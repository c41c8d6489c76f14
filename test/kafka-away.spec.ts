import { randomUUID } from 'node:crypto';
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
    const name = `test-away-${randomUUID().slice(0, 8)}`;
    platform = await startPlatform({
      name,
      directories: testDirectories(name),
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

  const spoolBytes = async () => {
    const metrics = await (await fetch(platform.metricsUrls.ingestion)).text();
    return Number(/^talaria_spool_bytes (\d+)/m.exec(metrics)?.[1]);
  };

  it('webhooks are answered 200 out of the spool, at once after the first, and are in Kafka in order when it is back', async () => {
    expect(await post('wamid.before')).toEqual({ status: 200, text: '' });
    stack.brokers[0]?.pause();
    expect(await post('wamid.during.1')).toEqual({ status: 200, text: '' });
    // What was on its way to the broker as it froze may have been written yet.
    if ((await spoolBytes()) === 0) expect(await post('wamid.during.1')).toEqual({ status: 200, text: '' });
    expect(await spoolBytes()).toBeGreaterThan(0);
    const began = performance.now();
    expect(await post('wamid.during.2')).toEqual({ status: 200, text: '' });
    // Kafka's budget is a second; it is known to be away.
    expect(performance.now() - began).toBeLessThan(900);
    for (const check of ['live', 'ready'])
      expect((await fetch(`${platform.apps.ingestion.healthUrl}/${check}`)).status).toBe(200);

    await platform.apps.ingestion.kill();
    await platform.apps.ingestion.start();
    expect(await post('wamid.during.3')).toEqual({ status: 200, text: '' });

    stack.brokers[0]?.resume();
    await eventually(async () => expect(await spoolBytes()).toBe(0), 60_000);
    expect(await post('wamid.after')).toEqual({ status: 200, text: '' });
    // The last one may have been answered out of the spool, too.
    await eventually(
      async () =>
        expect([...new Set(await written())]).toEqual([
          'wamid.before',
          'wamid.during.1',
          'wamid.during.2',
          'wamid.during.3',
          'wamid.after',
        ]),
      30_000,
    );
  }, 90_000);
});
