import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type KafkaSecurity } from '../stack/kafka-properties';
import { repositoryRoot } from '../stack/repository';
import { type Stack, startStack } from '../stack/stack';

export type OwnKafkaOptions = {
  /** Made by this, and removed by `stop`. */
  readonly directory: string;
  /** A Postgres that runs already. */
  readonly databaseUrl: string;
  readonly say?: (line: string) => void;
  /** Default 1. */
  readonly brokers?: 1 | 3;
  readonly security?: KafkaSecurity;
};

/** A Kafka that nothing else uses, to be frozen and killed. */
export async function startOwnKafka({
  directory,
  databaseUrl,
  say,
  brokers = 1,
  security,
}: OwnKafkaOptions): Promise<Stack> {
  mkdirSync(directory, { recursive: true });
  shareJars(directory);
  const { KAFKA_BROKERS: _, ...env } = process.env;
  const stack = await startStack({
    directory,
    brokers,
    security,
    env: { ...env, DATABASE_URL: databaseUrl },
    ...(say && { say }),
  });
  return {
    ...stack,
    async stop() {
      await stack.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** What the stack of this clone has fetched, if it has, need not be fetched again. */
function shareJars(directory: string): void {
  const fetched = join(repositoryRoot(), '.talaria/kafka');
  const shared = join(directory, 'kafka');
  if (!existsSync(fetched) || existsSync(shared)) return;
  mkdirSync(shared);
  for (const name of readdirSync(fetched).filter((one) => one.startsWith('libs-'))) {
    symlinkSync(join(fetched, name), join(shared, name));
  }
}
