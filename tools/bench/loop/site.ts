import { Client } from 'pg';
import { topics } from '@talaria/contracts';
import { type Platform, startPlatform } from '../../platform/platform';
import { registerNumbers, keysOf } from '../../platform/register';
import { type BenchContext } from '../bench-case';
import { type Watched } from './usage';

const NUMBERS = 50;
const NUMBERS_OF_A_WABA = 2;
/** What Meta allows a number, both directions together. */
const MESSAGES_PER_SECOND = 80;

/** All processes, an example that answers, and fifty numbers. */
export type Site = Watched & {
  readonly platform: Platform;
  readonly context: BenchContext;
};

/** @param work is done with the site, which is closed afterwards */
export async function onSite<T>(context: BenchContext, work: (site: Site) => Promise<T>): Promise<T> {
  const { stack, say, signal } = context;
  signal.throwIfAborted();
  const platform = await startPlatform({
    name: `bench-${Date.now().toString(36)}`,
    ...stack,
    onUnexpectedEnd: (name, how) => say(`${name} has ended: ${how}`),
  });
  try {
    await addNumbers(platform);
    const responder = await platform.addProcess('reply-bot', 'dist/examples/reply-bot/reply-bot.js', {});
    return await withClient(platform.databaseUrl, (client) =>
      work({ platform, context, apps: platform.apps, responder, client, kafkaPids: stack.kafkaPids }),
    );
  } finally {
    await platform.stop();
  }
}

async function addNumbers({ simulator, databaseUrl, secretsKeys }: Platform): Promise<void> {
  const numbers = Array.from({ length: NUMBERS }, (_, place) => {
    const wabaId = String(900_000_000 + Math.floor(place / NUMBERS_OF_A_WABA));
    return {
      phoneNumberId: String(500_000_000 + place),
      ...{ wabaId, accessToken: `token-${wabaId}`, messagesPerSecond: MESSAGES_PER_SECOND },
      displayPhoneNumber: `+1555${String(2_000_000 + place)}`,
    };
  });
  await registerNumbers(databaseUrl, keysOf(secretsKeys), numbers);
  for (const number of numbers) await simulator.putNumber(number);
}

async function withClient<T>(connectionString: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** How many records of webhooks, and events of the dispatcher, are projected. */
export async function countProjected(client: Client): Promise<{ webhooks: number; dispatches: number }> {
  const { rows } = await client.query<{ topic: string; count: string }>(
    'SELECT topic, sum(next_offset) AS count FROM projection_1.projection_checkpoints GROUP BY topic',
  );
  const of = (topic: string) => Number(rows.find((row) => row.topic === topic)?.count ?? 0);
  return { webhooks: of(topics.webhooks.name), dispatches: of(topics.dispatches.name) };
}
