import { type Logger } from '@talaria/observability';
import { createKafka } from './create-kafka';
import { type KafkaConfig } from './settings';

/**
 * How many partitions each topic has, by its name without the prefix.
 * @throws when no broker answers, or a topic does not exist: the message says what to do
 */
export async function countPartitions(options: {
  readonly config: KafkaConfig;
  readonly clientId: string;
  readonly topics: readonly string[];
  readonly logger: Logger;
}): Promise<ReadonlyMap<string, number>> {
  const { config, clientId, topics, logger } = options;
  const prefix = config.KAFKA_PREFIX;
  const admin = createKafka(config, `${clientId}-admin`, logger).admin();
  try {
    await admin.connect();
    const existing = new Set(await admin.listTopics());
    const missing = topics.map((topic) => prefix + topic).filter((name) => !existing.has(name));
    if (missing.length > 0)
      throw new Error(`Kafka has no topic ${missing.join(', ')}. Create the topics with: npm run topics`);
    const metadata = await admin.fetchTopicMetadata({ topics: topics.map((topic) => prefix + topic) });
    return new Map(
      metadata.topics.map(({ name, partitions }) => [name.slice(prefix.length), partitions.length]),
    );
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
