import { randomUUID } from 'node:crypto';
import { createKafka, fetchLogRanges, type KafkaConfig, type LogRange } from '@talaria/kafka';
import { testLogger } from './logger';

export type AcknowledgedReport = {
  readonly acknowledged: number;
  readonly present: number;
  /** Acknowledged, and in no record. */
  readonly lost: readonly string[];
  /** Records beyond the first of an id. */
  readonly copies: number;
  /** Ids whose first record stands behind one of the same sender with a higher number. */
  readonly outOfOrder: readonly string[];
};

/** The id of a message that tells who sent it, and as the how manieth. */
export function numberedId(sender: number, number: number): string {
  return `wamid.${sender}-${number}`;
}

/**
 * Compares what was promised with what is there.
 * @param acknowledged ids of {@link numberedId} that were answered with 200
 * @param written the id of every record; those of one sender in the order in which readers get them
 */
export function checkAcknowledged(
  acknowledged: Iterable<string>,
  written: readonly string[],
): AcknowledgedReport {
  const promised = new Set(acknowledged);
  const firsts = new Set(written);
  const lost = [...promised].filter((id) => !firsts.has(id));
  return {
    acknowledged: promised.size,
    present: promised.size - lost.length,
    lost,
    copies: written.length - firsts.size,
    outOfOrder: findDisorder(firsts),
  };
}

function findDisorder(ids: Iterable<string>): string[] {
  const highest = new Map<string, number>();
  const late: string[] = [];
  for (const id of ids) {
    const [, sender = '', number = ''] = /^wamid\.(\d+)-(\d+)$/.exec(id) ?? [];
    if (number === '') throw new Error(`${id} is none of our numbered ids`);
    if (Number(number) < (highest.get(sender) ?? 0)) late.push(id);
    else highest.set(sender, Number(number));
  }
  return late;
}

/**
 * The id of the message in each record of a topic, one partition after another, up to the end that each had when this was
 * called. Plain kafkajs: what judges our producer and consumer uses neither.
 */
export async function readMessageIds(config: KafkaConfig, topic: string): Promise<string[]> {
  const name = config.KAFKA_PREFIX + topic;
  const ends = await endsOf(config, name);
  // By offset, so that a batch which comes again is no copy.
  const ids = new Map(ends.map(({ partition }) => [partition, [] as string[]]));
  const isComplete = () => ends.every(({ partition, end }) => (ids.get(partition)?.length ?? 0) >= end);
  if (!isComplete()) {
    await consume(config, name, (partition, offset, value) => {
      ids.get(partition)![offset] = messageIdOf(value);
      return isComplete();
    });
  }
  return [...ids.values()].flat();
}

async function endsOf(config: KafkaConfig, name: string) {
  const admin = createKafka(config, 'test', testLogger, {
    retry: { retries: 20, maxRetryTime: 1000 },
  }).admin();
  await admin.connect();
  try {
    const ranges = (await fetchLogRanges(admin, [name])).get(name) ?? new Map<number, LogRange>();
    return [...ranges].map(([partition, { high }]) => ({ partition, end: high }));
  } finally {
    await admin.disconnect();
  }
}

/** Gives every record to `take`, until it says that this was the last. */
async function consume(
  config: KafkaConfig,
  name: string,
  take: (partition: number, offset: number, value: string) => boolean,
): Promise<void> {
  const consumer = createKafka(config, 'test', testLogger).consumer({
    groupId: `reader-${randomUUID()}`,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 100,
    retry: { retries: 20, maxRetryTime: 1000 },
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [name], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      // It starts again by itself where that may help, as when its coordinator has just come back.
      consumer.on('consumer.crash', ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      const eachMessage = (partition: number, offset: string, value: Buffer | null) => {
        if (take(partition, Number(offset), String(value))) resolve();
      };
      void consumer.run({
        autoCommit: false,
        eachBatch: ({ batch: { partition, messages } }) => {
          for (const { offset, value } of messages) eachMessage(partition, offset, value);
          return Promise.resolve();
        },
      });
    });
  } finally {
    await consumer.disconnect();
  }
}

function messageIdOf(value: string): string {
  const [, id] = /"id":"(wamid[^"]*)"/.exec(value) ?? [];
  if (id === undefined) throw new Error(`a record without a message: ${value}`);
  return id;
}
