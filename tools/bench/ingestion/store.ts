import { randomUUID } from 'node:crypto';
import { createKafka, type KafkaConfig } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { type Admin } from 'kafkajs';
import { Bits } from '../load/bits';
import { sequenceIn } from '../load/webhook-body';

/** Where a receiver of webhooks writes. */
export type Store = {
  /** Its processes; undefined: they are not ours to watch. */
  readonly pids: readonly number[] | undefined;
  /** Everything that is in it now. */
  read(firstItem: number): Promise<Found>;
  /** Forgets everything, so that the next run finds only its own. */
  empty(): Promise<void>;
};

/** The numbers of the items that were found, and how many were there once more than needed. */
export type Found = { readonly items: Bits; readonly copies: number };

/** Collects what a store holds. */
export class Finder implements Found {
  readonly items: Bits;
  copies = 0;

  constructor(private readonly firstItem: number) {
    this.items = new Bits(firstItem);
  }

  add(bytes: Buffer): void {
    const item = sequenceIn(bytes);
    if (item !== undefined && item >= this.firstItem && !this.items.add(item)) this.copies++;
  }
}

/** @param topic with its prefix */
export function kafkaStore(
  config: KafkaConfig,
  admin: Admin,
  topic: string,
  pids: readonly number[] | undefined,
): Store {
  return {
    pids,
    async read(firstItem) {
      const finder = new Finder(firstItem);
      const ends = await admin.fetchTopicOffsets(topic);
      const unread = new Map(
        ends
          .filter(({ low, high }) => low !== high)
          .map(({ partition, high }) => [partition, Number(high) - 1]),
      );
      if (unread.size > 0) await readTo(config, topic, unread, (value) => finder.add(value));
      return finder;
    },
    async empty() {
      const ends = await admin.fetchTopicOffsets(topic);
      const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
      await admin.deleteTopicRecords({ topic, partitions });
    },
  };
}

/** @param unread the last offset of each partition that is to be read */
async function readTo(
  config: KafkaConfig,
  topic: string,
  unread: Map<number, number>,
  take: (value: Buffer) => void,
): Promise<void> {
  const groupId = `${config.KAFKA_PREFIX}read-back-${randomUUID()}`;
  const consumer = createKafka(config, 'bench-read-back', createLogger('bench', 'error')).consumer({
    groupId,
    maxBytesPerPartition: 8 * 1024 * 1024,
    maxBytes: 64 * 1024 * 1024,
    maxWaitTimeInMs: 50,
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      consumer
        .run({
          autoCommit: false,
          eachBatch: ({ batch }) => {
            for (const { value } of batch.messages) if (value) take(value);
            const last = unread.get(batch.partition);
            if (last !== undefined && Number(batch.lastOffset()) >= last) unread.delete(batch.partition);
            if (unread.size === 0) resolve();
            return Promise.resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}
