import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@talaria/contracts';
import { createVerifiedProducer, type KafkaConfig, type VerifiedProducer } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Published } from './evidence';
import { crc32 } from './crc32';
import { numbers, type Publication } from './plan';

export type Publishers = {
  /** In the order of publishing; complete when `ended` has resolved. */
  readonly published: readonly Published[];
  /** Resolves when Kafka has confirmed everything that they published; however long it is away. */
  readonly ended: Promise<void>;
};

export type PublishersOptions = {
  readonly startedAt: number;
  /** Who is held back then publishes no more. */
  readonly endsAt: number;
  /** How many commands of each WABA have ended; may fail, then nothing is known. */
  readonly endedOf: () => Promise<ReadonlyMap<string, number>>;
  readonly config: KafkaConfig;
  readonly logger: Logger;
};

/**
 * Commands of one WABA that may be on their way before its product says no more for a while: hours of faults would otherwise leave hours
 * of sending, in which nothing goes wrong, at the end.
 */
export const MAX_ON_THEIR_WAY = 1000;
const ASKED_EVERY_MS = 1000;

/** The product that publishes for this WABA hashes keys as librdkafka does by default: nearly all that it says has to be forwarded. */
const wabaOfLibrdkafka = numbers.at(-1)?.wabaId;

/** Publishes what is planned when its time comes: one publisher for each WABA, which waits for Kafka and for what it has said before it goes on. */
export async function startPublishers(
  publications: readonly Publication[],
  options: PublishersOptions,
): Promise<Publishers> {
  const { startedAt, endsAt, config, logger } = options;
  const producer = await createVerifiedProducer({
    ...{ config, logger, clientId: 'chaos-product' },
    topics: [topics.outbound.name],
  });
  const published: Published[] = [];
  const wabaIds = new Set(publications.map(({ command }) => command.wabaId));
  const work = [...wabaIds].map(async (wabaId) => {
    const ours = publications.filter(({ command }) => command.wabaId === wabaId);
    const room = roomOf(wabaId, options.endedOf);
    for (let next = 0; next < ours.length;) {
      await sleep(Math.max(0, startedAt + (ours[next]?.at ?? 0) - Date.now()));
      while (!(await room.isLeft())) {
        if (Date.now() > endsAt) return;
        await sleep(ASKED_EVERY_MS);
      }
      const now = Date.now();
      const due = ours.slice(next).filter(({ at }) => startedAt + at <= now);
      const some = due.slice(0, MAX_ON_THEIR_WAY / 2);
      next += some.length;
      const records = some.map((one) => recordOf(one, startedAt, producer));
      await Promise.all(records.map(({ record }) => producer.send(record)));
      published.push(...records.map((one) => ({ ...one.published, at: now })));
      for (const { command } of some) room.ids.add(command.id);
    }
  });
  return { published, ended: Promise.all(work).then(() => producer.close()) };
}

/** What this WABA's product has said (`ids`, which it adds to), and whether so much of it has ended that it may go on. Asks only when it seems full. */
export function roomOf(wabaId: string, endedOf: PublishersOptions['endedOf']) {
  const ids = new Set<string>();
  let ended = 0;
  return {
    ids,
    async isLeft(): Promise<boolean> {
      if (ids.size - ended < MAX_ON_THEIR_WAY) return true;
      ended = await endedOf().then(
        (all) => all.get(wabaId) ?? 0,
        () => ended,
      );
      return ids.size - ended < MAX_ON_THEIR_WAY;
    },
  };
}

function recordOf({ command, expiresAt, aside }: Publication, startedAt: number, producer: VerifiedProducer) {
  const expires = expiresAt === undefined ? undefined : startedAt + expiresAt;
  const value = JSON.stringify({
    ...command,
    ...(expires !== undefined && { expiresAt: new Date(expires).toISOString() }),
  });
  const { id, phoneNumberId, to = '', wabaId, onUnknown } = command;
  const topic = topics.outbound.name;
  const own = producer.partitionFor(topic, wabaId);
  const { partitions } = topics.outbound;
  const partition =
    wabaId === wabaOfLibrdkafka ? crc32(Buffer.from(wabaId)) % partitions : (own + aside) % partitions;
  const mayResend = onUnknown === 'resend';
  return {
    record: { topic, key: wabaId, value, partition },
    published: { id, phoneNumberId, to, value, mayResend, expiresAt: expires, partition },
  };
}
