import { createDataSource, migrate } from '@talaria/database';
import { type KafkaConfig, type TopicReport } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { readEnvironment } from '@talaria/config';
import { applyTopics, topicSettings } from '@talaria/operations';

/** What `talaria topics apply` does. @param env may decide about the topics; default: as they are declared */
export function prepareTopics(config: KafkaConfig, env: NodeJS.ProcessEnv = {}): Promise<TopicReport> {
  return applyTopics({
    config: { ...config, ...readEnvironment(topicSettings, env) },
    logger: createLogger('setup', 'error'),
  });
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
