import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { startHurtableStack as startHurtableIn } from '../../tools/chaos/surroundings/hurtable-stack';
import { type OwnStackOptions, startOwnKafka as startKafkaIn } from '../../tools/setup/own-stack';
import { repositoryRoot } from '../../tools/stack/repository';
import { type Stack } from '../../tools/stack/stack';
import { required } from './database';

const ownDirectory = (what: string) =>
  join(repositoryRoot(), '.talaria/tests', `${what}-${randomUUID().slice(0, 8)}`);

/** A Kafka of the test's own, to be frozen and killed, beside the Postgres that all tests share; `stop` removes it. */
export function startOwnKafka(
  options: Pick<OwnStackOptions, 'brokers' | 'security' | 'clients'> = {},
): Promise<Stack> {
  return startKafkaIn({
    directory: ownDirectory('kafka'),
    databaseUrl: required('DATABASE_URL'),
    ...options,
  });
}

/** Likewise, with a Postgres of its own, and links that can be hurt. */
export const startHurtableStack = () => startHurtableIn({ directory: ownDirectory('stack') });
