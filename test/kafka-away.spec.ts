import { existsSync, mkdirSync, symlinkSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { sign } from '@talaria/whatsapp';
import { topics } from '@talaria/contracts';
import { appSecret, type Platform, startPlatform } from '../tools/platform/platform';
import { repositoryRoot } from '../tools/stack/repository';
import { type Stack, startStack } from '../tools/stack/stack';
import { eventually, kafkaConfigOf, readAll } from './kit';

const directory = join(repositoryRoot(), '.talaria/kafka-away');

/** The jars that the stack of this clone has fetched, if it has. */
function shareJars(): void {
  const fetched = join(repositoryRoot(), '.talaria/kafka');
  const own = join(directory, 'kafka');
  mkdirSync(own, { recursive: true });
  const jars = existsSync(fetched) ? readdirSync(fetched).filter((name) => name.startsWith('libs-')) : [];
  for (const name of jars)
    if (!existsSync(join(own, name))) symlinkSync(join(fetched, name), join(own, name));
}

describe('while Kafka is away', () => {
  let stack: Stack;
  let platform: Platform;

  beforeAll(async () => {
    shareJars();
    // A Kafka of this test's own, since it is stopped.
    stack = await startStack({ directory, env: { ...process.env, KAFKA_BROKERS: '' } });
    platform = await startPlatform({
      name: 'test-away',
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
    stack.brokers[0]?.resume();
    await eventually(async () => {
      expect((await post('wamid.after')).status).toBe(200);
    }, 60_000);
    expect(await written()).toEqual(expect.arrayContaining(['wamid.before', 'wamid.after']));
  }, 90_000);
});
