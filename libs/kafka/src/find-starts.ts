import { setTimeout as delay } from 'node:timers/promises';
import { type Logger } from '@talaria/observability';
import { type Admin, KafkaJSError } from 'kafkajs';
import { createKafka } from './create-kafka';
import { recordsGone } from './kafka.metrics';
import { type KafkaConfig } from './settings';

/**
 * Where the books of whoever handles a partition say that it goes on.
 * @param topic without the prefix
 * @returns the first record that is not handled yet; undefined when they do not say, which leaves it to the committed offset
 */
export type PositionOf = (topic: string, partition: number) => Promise<number | undefined>;

/** The offsets of the first record and behind the last. */
export type LogRange = { readonly low: number; readonly high: number };

type Partition = { readonly topic: string; readonly partition: number };

/**
 * Where to begin with each partition: the first record that is wanted and still there. Those that are gone are logged. A position beyond
 * the end is none that Kafka could be asked for, and is left out.
 * @param partitions by the names that the brokers know
 */
export async function findStarts<P extends Partition>(
  { config, clientId, logger }: { config: KafkaConfig; clientId: string; logger: Logger },
  positionOf: PositionOf,
  partitions: readonly P[],
): Promise<Map<P, number>> {
  const starts = new Map<P, number>();
  const admin = createKafka(config, clientId, logger, { retry: { retries: 3 } }).admin();
  await admin.connect();
  try {
    const ranges = await fetchLogRanges(admin, [...new Set(partitions.map(({ topic }) => topic))]);
    await Promise.all(
      partitions.map(async (one) => {
        const name = one.topic.slice(config.KAFKA_PREFIX.length);
        const wanted = await positionOf(name, one.partition);
        const range = ranges.get(one.topic)?.get(one.partition);
        if (wanted === undefined || range === undefined || wanted > range.high) return;
        starts.set(one, Math.max(wanted, range.low));
        if (wanted < range.low) reportGone(logger, name, one.partition, wanted, range.low);
      }),
    );
  } finally {
    await admin.disconnect();
  }
  return starts;
}

function reportGone(logger: Logger, topic: string, partition: number, from: number, low: number): void {
  recordsGone.inc(low - from);
  logger.error(
    { topic, partition, from, to: low - 1 },
    'records that were never handled are gone from Kafka',
  );
}

const ANSWERED_WITHIN_MS = 10_000;

/**
 * A partition that has no leader now, or has just got one, is asked again for ten seconds: kafkajs would give up at the first such answer.
 * @param admin of the caller's own: it is connected anew to ask again
 * @param names as the brokers know them
 * @returns by topic, then by partition
 */
export async function fetchLogRanges(
  admin: Admin,
  names: readonly string[],
): Promise<Map<string, Map<number, LogRange>>> {
  const deadline = performance.now() + ANSWERED_WITHIN_MS;
  for (;;) {
    try {
      return new Map(await Promise.all(names.map((name) => fetchRangesOf(admin, name))));
    } catch (error) {
      if (!isPassing(error) || performance.now() > deadline) throw error;
    }
    await delay(100);
    // It goes on asking the leaders that it knew otherwise.
    await admin.disconnect();
    await admin.connect();
  }
}

/** kafkajs wraps what it does not try again, and what it has tried too often. */
function isPassing(error: unknown): boolean {
  const cause = (error as Error).cause ?? error;
  const isUnknownTopic = (cause as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION';
  return cause instanceof KafkaJSError && cause.retriable && !isUnknownTopic;
}

async function fetchRangesOf(admin: Admin, name: string): Promise<readonly [string, Map<number, LogRange>]> {
  const offsets = await admin.fetchTopicOffsets(name);
  const ranges = offsets.map(
    ({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }] as const,
  );
  return [name, new Map(ranges)];
}
