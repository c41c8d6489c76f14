import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { startOwnKafka as startIn } from '../../tools/setup/own-kafka';
import { type KafkaSecurity } from '../../tools/stack/kafka-properties';
import { repositoryRoot } from '../../tools/stack/repository';
import { type Stack } from '../../tools/stack/stack';
import { required } from './database';

/** A Kafka of the test's own, to be frozen and killed, beside the Postgres that all tests share; `stop` removes it. */
export function startOwnKafka(
  options: { readonly brokers?: 1 | 3; readonly security?: KafkaSecurity } = {},
): Promise<Stack> {
  const directory = join(repositoryRoot(), '.talaria/tests', `kafka-${randomUUID().slice(0, 8)}`);
  return startIn({ directory, databaseUrl: required('DATABASE_URL'), ...options });
}
