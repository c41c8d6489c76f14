import { randomUUID } from 'node:crypto';
import { readEnvironment } from '@talaria/config';
import {
  createKafka,
  createTopics,
  fetchLogRanges,
  type KafkaConfig,
  type KafkaRecord,
  kafkaSettings,
  startConsumer,
} from '@talaria/kafka';
import { required } from './database';
import { testLogger } from './logger';

export type TestKafka = {
  /** With a prefix of the test's own. */
  readonly config: KafkaConfig;
  /** Everything in a topic, in the order of its partitions; reads until it has seen the end of each. */
  readAll(topic: string): Promise<KafkaRecord[]>;
  /** Deletes the topics. */
  close(): Promise<void>;
};

/** Topics of the test's own on the real Kafka that KAFKA_BROKERS names, which `npm test` sets. */
export async function testKafka(
  topicNames: readonly string[],
  partitions = 3,
  replicationFactor = 1,
): Promise<TestKafka> {
  const config = readEnvironment(kafkaSettings, {
    KAFKA_BROKERS: required('KAFKA_BROKERS'),
    KAFKA_PREFIX: `test-${randomUUID().slice(0, 13)}.`,
  });
  const admin = createKafka(config, 'test', testLogger).admin();
  await admin.connect();
  const declarations = topicNames.map((name) => ({ name, partitions, retentionMs: -1 }));
  await createTopics(admin, declarations, { prefix: config.KAFKA_PREFIX, replicationFactor });
  return {
    config,
    readAll: (topic) => readAll(config, topic),
    async close() {
      await admin.deleteTopics({ topics: topicNames.map((name) => config.KAFKA_PREFIX + name) });
      await admin.disconnect();
    },
  };
}

/** Everything in a topic, in the order of its partitions; reads until it has seen the end of each. */
export async function readAll(config: KafkaConfig, topic: string): Promise<KafkaRecord[]> {
  const admin = createKafka(config, 'test', testLogger).admin();
  await admin.connect();
  const ranges = await fetchLogRanges(admin, [config.KAFKA_PREFIX + topic]);
  await admin.disconnect();
  const wanted = [...ranges.values()]
    .flatMap((ofTopic) => [...ofTopic.values()])
    .reduce((sum, { high }) => sum + high, 0);
  const records: KafkaRecord[] = [];
  if (wanted > 0) await readUntil(config, topic, records, wanted);
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

async function readUntil(
  config: KafkaConfig,
  topic: string,
  records: KafkaRecord[],
  wanted: number,
): Promise<void> {
  let finish: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const handler = (batch: { readonly records: readonly KafkaRecord[] }) => {
    records.push(...batch.records);
    if (records.length >= wanted) finish();
    return Promise.resolve(undefined);
  };
  const consumer = await startConsumer({
    config,
    groupId: `reader-${randomUUID()}`,
    handlers: new Map([[topic, handler]]),
    logger: testLogger,
    onFatal: (error) => {
      throw error;
    },
  });
  await finished;
  await consumer.close();
}
