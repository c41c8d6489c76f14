import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@talaria/contracts';
import { createVerifiedProducer, type KafkaConfig, type VerifiedProducer } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Published } from './check';
import { crc32 } from './crc32';
import { numbers, type Publication } from './plan';

export type Publishers = {
  /** In the order of publishing; complete when `ended` has resolved. */
  readonly published: readonly Published[];
  /** Resolves when Kafka has confirmed everything; however long it is away. */
  readonly ended: Promise<void>;
};

/** The product that publishes for this WABA hashes keys as librdkafka does by default: nearly all that it says has to be forwarded. */
const wabaOfLibrdkafka = numbers.at(-1)?.wabaId;

/** Publishes what is planned when its time comes: one publisher for each WABA, which waits for Kafka before it goes on. */
export async function startPublishers(
  publications: readonly Publication[],
  startedAt: number,
  config: KafkaConfig,
  logger: Logger,
): Promise<Publishers> {
  const producer = await createVerifiedProducer({
    ...{ config, logger, clientId: 'chaos-product' },
    topics: [topics.outbound.name],
  });
  const published: Published[] = [];
  const wabaIds = new Set(publications.map(({ command }) => command.wabaId));
  const work = [...wabaIds].map(async (wabaId) => {
    const ours = publications.filter(({ command }) => command.wabaId === wabaId);
    for (let next = 0; next < ours.length;) {
      await sleep(Math.max(0, startedAt + (ours[next]?.at ?? 0) - Date.now()));
      const now = Date.now();
      const due = ours.slice(next).filter(({ at }) => startedAt + at <= now);
      next += due.length;
      const records = due.map((one) => recordOf(one, startedAt, producer));
      await Promise.all(records.map(({ record }) => producer.send(record)));
      published.push(...records.map((one) => ({ ...one.published, at: now })));
    }
  });
  return { published, ended: Promise.all(work).then(() => producer.close()) };
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
