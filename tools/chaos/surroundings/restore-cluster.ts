import { readEnvironment } from '@talaria/config';
import { createKafka, kafkaSettings } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { eventually } from '../../setup/eventually';
import { type Stack } from '../../stack/stack';

/** Every broker runs and answers, and every replica is in sync again. */
export async function restoreCluster({
  brokers,
  kafkaBrokers,
}: Pick<Stack, 'brokers' | 'kafkaBrokers'>): Promise<void> {
  for (const broker of brokers) broker.resume();
  await Promise.all(brokers.map((broker) => broker.start()));
  const config = readEnvironment(kafkaSettings, { KAFKA_BROKERS: kafkaBrokers });
  const admin = createKafka(config, 'restore', createLogger('restore', 'silent'), {
    retry: { retries: 20, maxRetryTime: 1000 },
  }).admin();
  await admin.connect();
  try {
    await eventually(async () => {
      const metadata = await admin.fetchTopicMetadata();
      const partitions = metadata.topics.flatMap((topic) => topic.partitions);
      const behind = partitions.filter(({ replicas, isr }) => isr.length < replicas.length);
      if (behind.length > 0) throw new Error(`${behind.length} partitions are not in sync`);
    }, 60_000);
  } finally {
    await admin.disconnect();
  }
}
