import { randomUUID } from 'node:crypto';
import { type MessageReceivedData, type MessageStatusData, topics } from '@talaria/contracts';
import { createKafka, type KafkaConfig } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type KafkaMessage } from 'kafkajs';
import { eventually } from '../setup/eventually';

/** Reads along what the platform tells, with the clock of the run, which nobody sets. It may see an event late, never early. */
export type Witness = {
  /** When an event first told of a message that came in, by its wamid. Milliseconds since 1970. */
  readonly receivedAt: ReadonlyMap<string, number>;
  /**
   * Likewise when any status of a message that was sent was told for good: an event is told before its rows are committed, and when they are not
   * it is told again.
   */
  statusAt(): ReadonlyMap<string, number>;
  /** Resolves when it has seen so many records. @throws when it does not in time: a witness who was asleep proves nothing */
  untilSeen(records: number): Promise<void>;
  stop(): Promise<void>;
};

const SEES_WITHIN_MS = 60_000;

/** @param config of a way to Kafka that nobody hurts, but for Kafka itself */
export async function startWitness(config: KafkaConfig, logger: Logger): Promise<Witness> {
  const notes = createNotes();
  const consumer = createKafka(config, 'chaos-witness', logger).consumer({
    groupId: `${config.KAFKA_PREFIX}witness-${randomUUID()}`,
    maxWaitTimeInMs: 200,
    // A partition that has no leader is left out until it is asked for again: by itself that is after five minutes.
    metadataMaxAge: 5000,
    // However long Kafka is away.
    retry: { retries: 1_000_000, maxRetryTime: 1000 },
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [config.KAFKA_PREFIX + topics.events.name], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch({ batch: { partition, messages } }) {
      const now = Date.now();
      for (const message of messages) notes.take(partition, message, now);
      return Promise.resolve();
    },
  });
  return {
    receivedAt: notes.receivedAt,
    statusAt: () => notes.statusAt(),
    untilSeen: (records) =>
      eventually(() => {
        if (notes.seen.size < records)
          throw new Error(`the witness of the run has seen ${notes.seen.size} of ${records} events`);
      }, SEES_WITHIN_MS),
    stop: () => consumer.disconnect(),
  };
}

/** What events tell, as they are read. Each record counts once: whoever joins its group again reads all of it again. */
export function createNotes() {
  const receivedAt = new Map<string, number>();
  /** By the id of their event. */
  const statuses = new Map<string, { readonly wamid: string; readonly at: number }>();
  const seen = new Set<string>();
  return {
    receivedAt,
    seen,
    take(
      partition: number,
      {
        offset,
        value,
        headers: { ce_type: type, ce_id: id } = {},
      }: Pick<KafkaMessage, 'offset' | 'value' | 'headers'>,
      now: number,
    ): void {
      const record = `${partition}/${offset}`;
      if (seen.has(record)) return;
      seen.add(record);
      const wamid = () => (JSON.parse(String(value)) as MessageReceivedData | MessageStatusData).wamid;
      if (String(type) === 'whatsapp.message.received.v1') setFirst(receivedAt, wamid(), now);
      if (String(type) === 'whatsapp.message.status.v1')
        statuses.set(String(id), { wamid: wamid(), at: now });
    },
    statusAt(): ReadonlyMap<string, number> {
      const statusAt = new Map<string, number>();
      for (const { wamid, at } of statuses.values())
        statusAt.set(wamid, Math.min(at, statusAt.get(wamid) ?? Infinity));
      return statusAt;
    },
  };
}

function setFirst(times: Map<string, number>, key: string, at: number): void {
  if (!times.has(key)) times.set(key, at);
}
