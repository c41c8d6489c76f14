import { type Logger } from '@talaria/observability';
import { createKafka } from './create-kafka';
import { type KafkaConfig } from './settings';

/** The cluster answers, but a topic that is needed is not there. */
export class MissingTopicError extends Error {
  constructor(names: readonly string[]) {
    super(`Kafka has no topic ${names.join(', ')}. Create the topics with: npm run topics`);
    this.name = 'MissingTopicError';
  }
}

/**
 * How many partitions each topic has, by its name without the prefix.
 * @throws {MissingTopicError} when a topic does not exist; otherwise when no broker answers
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
    if (missing.length > 0) throw new MissingTopicError(missing);
    const metadata = await admin.fetchTopicMetadata({ topics: topics.map((topic) => prefix + topic) });
    return new Map(
      metadata.topics.map(({ name, partitions }) => [name.slice(prefix.length), partitions.length]),
    );
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
