import { type Topic, topics } from '@talaria/contracts';
import { compareTopics, createTopics, type TopicDifference, type TopicReport } from '@talaria/kafka';
import { type KafkaAccess, withAdmin } from '../with-admin';

/** A declared topic, and whether Kafka has it so. */
export type ListedTopic = Topic & {
  /** As Kafka knows it, with the prefix. */
  readonly topic: string;
  readonly state: 'as-declared' | 'differs' | 'missing';
};

export type TopicsDiff = {
  readonly missing: readonly string[];
  readonly differences: readonly TopicDifference[];
};

const declared: readonly Topic[] = Object.values(topics);
const MOST_REPLICAS = 3;

/** Every declared topic, in the order of the declaration. */
export async function listTopics(kafka: KafkaAccess): Promise<ListedTopic[]> {
  const { missing, differences } = await diffTopics(kafka);
  return declared.map((one) => {
    const topic = kafka.config.KAFKA_PREFIX + one.name;
    const differs = differences.some((difference) => difference.topic === topic);
    return {
      ...one,
      topic,
      state: missing.includes(topic) ? 'missing' : differs ? 'differs' : 'as-declared',
    };
  });
}

/** What of the declaration Kafka does not have, or has otherwise. Changes nothing. */
export function diffTopics(kafka: KafkaAccess): Promise<TopicsDiff> {
  return withAdmin(kafka, (admin) => compareTopics(admin, declared, kafka.config.KAFKA_PREFIX));
}

/**
 * Creates the topics that are missing and compares the others, which it never changes. Three replicas where there are three brokers or more, else as
 * many as there are brokers.
 */
export function applyTopics(kafka: KafkaAccess): Promise<TopicReport> {
  return withAdmin(kafka, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const replicationFactor = Math.min(MOST_REPLICAS, brokers.length);
    return createTopics(admin, declared, { prefix: kafka.config.KAFKA_PREFIX, replicationFactor });
  });
}
