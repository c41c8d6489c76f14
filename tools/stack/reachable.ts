import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { Client } from 'pg';

const PAUSE_MS = 100;

/**
 * Asks a Kafka cluster for its brokers until one of `addresses` answers. Resolves with undefined when it did, else,
 * after `withinMs`, with what was wrong at the last attempt; never rejects.
 */
export function kafkaProblem(addresses: readonly string[], withinMs: number, signal?: AbortSignal) {
  return askKafka(addresses, withinMs, signal, async (admin) => {
    const { brokers } = await admin.describeCluster();
    if (brokers.length === 0) throw new Error('it knows of no broker yet');
  });
}

/** The same, until all of `addresses` are in the cluster and every partition has a leader. */
export function leadersProblem(addresses: readonly string[], withinMs: number) {
  return askKafka(addresses, withinMs, undefined, async (admin) => {
    const { brokers } = await admin.describeCluster();
    if (brokers.length < addresses.length)
      throw new Error(`${brokers.length} of ${addresses.length} brokers`);
    const { topics } = await admin.fetchTopicMetadata();
    const without = topics.filter(({ partitions }) => partitions.some(({ leader }) => leader < 0));
    if (without.length > 0) throw new Error(`no leader in ${without.map(({ name }) => name).join(', ')}`);
  });
}

function askKafka(
  addresses: readonly string[],
  withinMs: number,
  signal: AbortSignal | undefined,
  question: (admin: Admin) => Promise<void>,
) {
  const kafka = new Kafka({
    brokers: [...addresses],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 3_000,
    retry: { retries: 0 },
  });
  return lastProblem(withinMs, signal, async () => {
    const admin = kafka.admin();
    try {
      await admin.connect();
      await question(admin);
    } finally {
      await admin.disconnect();
    }
  });
}

/** The same for a Postgres server: a connection to the database that `url` names. The problem never holds the password. */
export function postgresProblem(url: string, withinMs: number, signal?: AbortSignal) {
  return lastProblem(withinMs, signal, async () => {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    // A server that goes away is reported by the query; without a listener it would end this process as well.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
    } finally {
      await client.end();
    }
  });
}

async function lastProblem(
  withinMs: number,
  signal: AbortSignal | undefined,
  attempt: () => Promise<void>,
): Promise<string | undefined> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      await attempt();
      return undefined;
    } catch (error) {
      if (Date.now() > deadline || signal?.aborted) return wordsFor(error);
    }
    await sleep(PAUSE_MS);
  }
}

function wordsFor(error: unknown): string {
  // A refused connection to a name with two addresses is an AggregateError without a message.
  if (error instanceof AggregateError) return error.errors.map(wordsFor).join('; ');
  return error instanceof Error ? error.message : String(error);
}
