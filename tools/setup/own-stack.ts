import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeOpenFolder } from '../stack/postgres-place';
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
