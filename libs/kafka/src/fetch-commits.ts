import { type Logger } from '@talaria/observability';
import { createKafka } from './create-kafka';
import { type KafkaConfig } from './settings';

type Partition = { readonly topic: string; readonly partition: number };

export type Commit = { readonly offset: number; readonly metadata: string };

/**
 * What the group has committed; a partition of which it has nothing is left out. One request to the group's coordinator: partitions without a
 * leader delay nobody.
 * @param groupId as the brokers know it
 * @param partitions by the names that the brokers know
 */
export async function fetchCommits<P extends Partition>(
  { config, clientId, logger }: { config: KafkaConfig; clientId: string; logger: Logger },
  groupId: string,
  partitions: readonly P[],
): Promise<Map<P, Commit>> {
  const admin = createKafka(config, clientId, logger, { retry: { retries: 3 } }).admin();
  await admin.connect();
  try {
    // Of all topics: when they are named, kafkajs asks for their partitions first.
    const found = await admin.fetchOffsets({ groupId });
    const commits = new Map<P, Commit>();
    for (const one of partitions) {
      const ofTopic = found.find(({ topic }) => topic === one.topic)?.partitions;
      const commit = ofTopic?.find(({ partition }) => partition === one.partition);
      const offset = Number(commit?.offset ?? -1);
      if (offset >= 0) commits.set(one, { offset, metadata: commit?.metadata ?? '' });
    }
    return commits;
  } finally {
    await admin.disconnect();
  }
}
