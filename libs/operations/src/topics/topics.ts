import { type Environment, integer, parseDuration, parsed } from '@talaria/config';
import { type Topic, topics } from '@talaria/contracts';
import {
  compareTopics,
  createTopics,
  type KafkaConfig,
  type TopicDifference,
  type TopicReport,
} from '@talaria/kafka';
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

const FOR_EVER = -1;
const DAY_MS = 86_400_000;
const MOST_REPLICAS = 3;

/** What an installation may decide about its topics, for those who create and compare them. */
export const topicSettings = {
  KAFKA_PARTITIONS: integer(
    1,
    1000,
  )({
    default: topics.webhooks.partitions,
    desc: 'how many partitions each topic has: chosen before the topics are made, and never changed',
  }),
  KAFKA_LOG_RETENTION: parsed(readRetention)({
    default: FOR_EVER,
    desc: 'how long whatsapp.webhooks and whatsapp.dispatches keep what the read model is rebuilt from: for-ever, or like 90d',
  }),
};

/** Kafka, and what was decided about its topics. */
export type TopicsAccess = KafkaAccess & {
  readonly config: KafkaConfig & Environment<typeof topicSettings>;
};

function readRetention(text: string): number {
  const ms = text === 'for-ever' ? FOR_EVER : parseDuration(text);
  if (ms === undefined || (ms < DAY_MS && ms !== FOR_EVER))
    throw new Error('must be for-ever, or at least a day, like 90d');
  return ms;
}

/** The topics of this release as this installation wants them, in the order of their declaration. */
function declaredBy({ config }: TopicsAccess): Topic[] {
  return Object.values(topics).map((topic) => ({
    ...topic,
    partitions: config.KAFKA_PARTITIONS,
    retentionMs: topic.retentionMs === FOR_EVER ? config.KAFKA_LOG_RETENTION : topic.retentionMs,
  }));
}

/** Every declared topic, in the order of the declaration. */
export async function listTopics(kafka: TopicsAccess): Promise<ListedTopic[]> {
  const { missing, differences } = await diffTopics(kafka);
  return declaredBy(kafka).map((one) => {
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
export function diffTopics(kafka: TopicsAccess): Promise<TopicsDiff> {
  return withAdmin(kafka, (admin) => compareTopics(admin, declaredBy(kafka), kafka.config.KAFKA_PREFIX));
}

/**
 * Creates the topics that are missing and compares the others, which it never changes. Three replicas where there are three brokers or more, else as
 * many as there are brokers.
 */
export function applyTopics(kafka: TopicsAccess): Promise<TopicReport> {
  return withAdmin(kafka, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const replicationFactor = Math.min(MOST_REPLICAS, brokers.length);
    return createTopics(admin, declaredBy(kafka), { prefix: kafka.config.KAFKA_PREFIX, replicationFactor });
  });
}
