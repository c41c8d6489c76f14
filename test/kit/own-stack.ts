import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../tools/stack/repository';
import { type Stack, startStack } from '../../tools/stack/stack';

/** A Kafka of the test's own, to be frozen and killed, beside the Postgres that all tests share; `stop` removes it. */
export async function startOwnKafka({ brokers = 1 }: { readonly brokers?: 1 | 3 } = {}): Promise<Stack> {
  const directory = join(repositoryRoot(), '.talaria/tests', `kafka-${randomUUID().slice(0, 8)}`);
  mkdirSync(directory, { recursive: true });
  shareJars(directory);
  const { KAFKA_BROKERS: _, ...env } = process.env;
  const stack = await startStack({ directory, env, brokers });
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
  if (!existsSync(fetched)) return;
  mkdirSync(join(directory, 'kafka'));
  for (const name of readdirSync(fetched).filter((one) => one.startsWith('libs-'))) {
    symlinkSync(join(fetched, name), join(directory, 'kafka', name));
  }
}
