import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { removeOpenFolder } from '../stack/postgres-place';
import { repositoryRoot } from '../stack/repository';
import { type Postgres, type Stack, type StackOptions, startStack } from '../stack/stack';

/** With a Postgres that can be hurt, too. */
export type OwnStack = Stack & { readonly postgres: Postgres };

export type OwnStackOptions = Pick<StackOptions, 'say' | 'brokers' | 'security' | 'clients'> & {
  /** Made by this, and removed by `stop`. */
  readonly directory: string;
};

/** A Kafka that nothing else uses, to be frozen and killed. @param databaseUrl a Postgres that runs already */
export function startOwnKafka({
  databaseUrl,
  ...options
}: OwnStackOptions & { readonly databaseUrl: string }): Promise<Stack> {
  return startOwn(options, { DATABASE_URL: databaseUrl });
}

/** The same with a Postgres that nothing else uses. */
export async function startOwnStack(options: OwnStackOptions): Promise<OwnStack> {
  const stack = await startOwn(options, {});
  const { postgres } = stack;
  if (postgres === undefined) throw new Error('a stack without a named Postgres has none of its own');
  return { ...stack, postgres };
}

async function startOwn(options: OwnStackOptions, named: NodeJS.ProcessEnv): Promise<Stack> {
  const { directory } = options;
  mkdirSync(directory, { recursive: true });
  shareJars(directory);
  const { KAFKA_BROKERS: _, DATABASE_URL: __, ...env } = process.env;
  const stack = await startStack({ ...options, env: { ...env, ...named } });
  return {
    ...stack,
    async stop() {
      await stack.stop();
      removeOpenFolder(join(directory, 'postgres'));
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
