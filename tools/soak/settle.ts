import { setTimeout as sleep } from 'node:timers/promises';
import { retryTiers, topics } from '@talaria/contracts';
import { createKafka, fetchLogRanges, type KafkaConfig } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { query } from '../platform/database';
import { type Platform } from '../platform/platform';

/** Waits until nothing moves any more. @returns what still does when time is over; undefined when nothing */
export async function settle(
  platform: Platform,
  config: KafkaConfig,
  commands: number,
  withinMs: number,
  logger: Logger,
): Promise<string | undefined> {
  const deadline = Date.now() + withinMs;
  const admin = createKafka(config, 'soak', logger).admin();
  await admin.connect();
  try {
    for (;;) {
      const moving =
        (await unsettled(platform, commands)) ??
        (await unread(config, (groupId, topic) => lagOf(admin, groupId, topic)));
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
    `SELECT (SELECT count(*) FROM dispatch_commands WHERE state IN ('accepted', 'failed', 'dead-lettered')) AS ended,
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

/** What leaves no trace but a dead letter is seen by this alone. */
async function unread(
  { KAFKA_PREFIX: prefix }: KafkaConfig,
  lag: (groupId: string, topic: string) => Promise<number>,
): Promise<string | undefined> {
  for (const topic of [topics.outbound, ...retryTiers.map((tier) => tier.topic)]) {
    const left = await lag(`${prefix}talaria.dispatcher`, prefix + topic.name);
    if (left > 0) return `${left} records of ${topic.name} are not done`;
  }
  return undefined;
}

async function lagOf(
  admin: ReturnType<ReturnType<typeof createKafka>['admin']>,
  groupId: string,
  topic: string,
): Promise<number> {
  const ranges = [...((await fetchLogRanges(admin, [topic])).get(topic) ?? [])];
  const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const done = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  return ranges.reduce((sum, [partition, { high }]) => sum + high - Math.max(0, done.get(partition) ?? 0), 0);
}
