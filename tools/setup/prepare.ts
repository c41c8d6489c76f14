import { topics } from '@talaria/contracts';
import { createDataSource, migrate } from '@talaria/database';
import { createKafka, createTopics, type KafkaConfig, type TopicReport } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';

/** Creates the topics that are missing and compares the others. RF 3 where there are three brokers or more, else as many as there are. */
export async function prepareTopics(config: KafkaConfig): Promise<TopicReport> {
  const admin = createKafka(config, 'talaria.setup', createLogger('setup', 'error')).admin();
  await admin.connect();
  try {
    const { brokers } = await admin.describeCluster();
    const replicationFactor = Math.min(3, brokers.length);
    return await createTopics(admin, Object.values(topics), {
      prefix: config.KAFKA_PREFIX,
      replicationFactor,
    });
  } finally {
    await admin.disconnect();
  }
}

/** Brings the schema of the database up to date. @returns the migrations that ran */
export async function prepareDatabase(databaseUrl: string): Promise<string[]> {
  const config = { DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: 2 };
  const dataSource = await createDataSource(config, undefined, 0).initialize();
  try {
    return await migrate(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
