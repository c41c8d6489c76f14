import { randomUUID } from 'node:crypto';
import { createKafka, fetchLogRanges, type KafkaConfig } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type KafkaMessage } from 'kafkajs';

/** Every record of a topic up to the end that each partition has now, by plain kafkajs: what judges our consumer does not use it. */
export async function readTopic(config: KafkaConfig, topic: string, logger: Logger): Promise<KafkaMessage[]> {
  const name = config.KAFKA_PREFIX + topic;
  const admin = createKafka(config, 'chaos', logger).admin();
  await admin.connect();
  const ranges = await fetchLogRanges(admin, [name]).finally(() => admin.disconnect());
  // By offset, so that a batch which comes again is no copy.
  const records = new Map<string, KafkaMessage>();
  const wanted = [...(ranges.get(name)?.values() ?? [])].reduce((sum, { high, low }) => sum + high - low, 0);
  if (wanted === 0) return [];
  const groupId = `${config.KAFKA_PREFIX}chaos-${randomUUID()}`;
  const consumer = createKafka(config, 'chaos', logger).consumer({
    ...{ groupId, maxWaitTimeInMs: 100 },
    // A partition that has no leader is left out until it is asked for again: by itself that is after five minutes.
    metadataMaxAge: 5000,
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [name], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
        if (!restart) reject(error);
      });
      void consumer.run({
        autoCommit: false,
        eachBatch: ({ batch: { partition, messages } }) => {
          for (const message of messages) records.set(`${partition}/${message.offset}`, message);
          if (records.size >= wanted) resolve();
          return Promise.resolve();
        },
      });
    });
  } finally {
    await consumer.disconnect();
  }
  return [...records.values()];
}
