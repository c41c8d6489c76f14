import { setTimeout as sleep } from 'node:timers/promises';
import { retryTiers, topics } from '@talaria/contracts';
import { readProgress, type Sql } from '@talaria/database';
import { createKafka, fetchLogRanges, type KafkaConfig, type LogRange } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Admin } from 'kafkajs';
import { type AppProcess } from '../platform/app-process';
import { query } from '../platform/database';
import { type Platform } from '../platform/platform';
import { metricOf } from './metric-of';

const HAS_ENDED = `state IN ('accepted', 'failed', 'dead-lettered')`;

/** Waits until nothing moves any more. @returns what still does when time is over; undefined when nothing */
export async function settle(
  platform: Platform,
  config: KafkaConfig,
  commands: number,
  withinMs: number,
  logger: Logger,
): Promise<string | undefined> {
  const deadline = Date.now() + withinMs;
  const admin = createKafka(config, 'chaos', logger).admin();
  await admin.connect();
  try {
    for (;;) {
      const moving =
        (await unsettled(platform, commands)) ??
        (await notDone(config, admin)) ??
        (await notProjected(platform, config, admin));
      if (moving === undefined || Date.now() > deadline) return moving;
      await sleep(500);
    }
  } finally {
    await admin.disconnect();
  }
}

async function unsettled(
  { simulator, databaseUrl }: Platform,
  commands: number,
): Promise<string | undefined> {
  const { webhooks } = await simulator.stats();
  if (webhooks.waiting > 0) return `${webhooks.waiting} webhooks wait`;
  const [row] = await query<{ ended: string; told: string; parked: string; moving: string }>(
    databaseUrl,
    `SELECT (SELECT count(*) FROM dispatch_commands WHERE ${HAS_ENDED}) AS ended,
            (SELECT count(*) FROM dispatch_commands d JOIN commands c USING (waba_id, command_id)
             WHERE d.version = c.version AND d.state = c.state) AS told,
            (SELECT count(*) FROM dispatch_backlog) AS parked,
            (SELECT count(*) FROM messages
             WHERE command_id IS NOT NULL AND delivered_at IS NULL AND read_at IS NULL AND failed_at IS NULL) AS moving`,
  );
  const { ended = 0, told = 0, parked = 0, moving = 0 } = row ?? {};
  if (Number(ended) < commands) return `${ended} of ${commands} commands have ended`;
  if (Number(told) < commands) return `${told} of ${commands} commands have their fate in the read model`;
  if (Number(parked) > 0) return `${parked} commands are parked`;
  return Number(moving) > 0 ? `${moving} messages have no status yet` : undefined;
}

/** How many commands of each WABA nobody works on any more. */
export async function endedByWaba(databaseUrl: string): Promise<ReadonlyMap<string, number>> {
  const rows = await query<{ waba_id: string; ended: string }>(
    databaseUrl,
    `SELECT waba_id, count(*) AS ended FROM dispatch_commands WHERE ${HAS_ENDED} GROUP BY waba_id`,
  );
  return new Map(rows.map(({ waba_id, ended }) => [waba_id, Number(ended)]));
}

/** Commands that leave no trace but a dead letter are seen by this alone. */
async function notDone(config: KafkaConfig, admin: Admin): Promise<string | undefined> {
  const groupId = `${config.KAFKA_PREFIX}talaria.dispatcher`;
  for (const { name } of [topics.outbound, ...retryTiers.map(({ topic }) => topic)]) {
    const topic = config.KAFKA_PREFIX + name;
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const done = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    const left = leftOf(await rangesOf(admin, topic), done);
    if (left > 0) return `${left} records of ${name} are not done`;
  }
  return undefined;
}

async function notProjected(
  { databaseUrl }: Platform,
  config: KafkaConfig,
  admin: Admin,
): Promise<string | undefined> {
  const versions = await readProgress(((text, parameters) => query(databaseUrl, text, parameters)) as Sql);
  for (const { name } of [topics.webhooks, topics.dispatches]) {
    const ranges = await rangesOf(admin, config.KAFKA_PREFIX + name);
    for (const { version, partitions } of versions) {
      const ours = partitions.filter(({ topic }) => topic === name);
      const left = leftOf(ranges, new Map(ours.map(({ partition, next }) => [partition, next])));
      if (left > 0) return `${left} records of ${name} are not projected in version ${version}`;
    }
  }
  return undefined;
}

async function rangesOf(admin: Admin, topic: string): Promise<ReadonlyMap<number, LogRange>> {
  return (await fetchLogRanges(admin, [topic])).get(topic) ?? new Map<number, LogRange>();
}

function leftOf(ranges: ReadonlyMap<number, LogRange>, done: ReadonlyMap<number, number>): number {
  return [...ranges].reduce(
    (sum, [partition, { high }]) => sum + high - Math.max(0, done.get(partition) ?? 0),
    0,
  );
}

/** Waits until nothing is in the spools of these ingestions. @returns what still is when time is over; undefined when nothing */
export async function untilSpoolsAreEmpty(
  ingestions: readonly AppProcess[],
  withinMs: number,
): Promise<string | undefined> {
  const deadline = Date.now() + withinMs;
  for (const app of ingestions) {
    for (;;) {
      const bytes = await metricOf(app, 'talaria_spool_bytes').catch(() => undefined);
      if (bytes === 0) break;
      if (Date.now() > deadline)
        return `the spool of ${app.name} holds ${bytes ?? 'an unknown number of'} bytes`;
      await sleep(500);
    }
  }
  return undefined;
}
