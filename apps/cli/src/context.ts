import { type Readable } from 'node:stream';
import { readEnvironment, type Environment } from '@talaria/config';
import { createDataSource, databaseSettings } from '@talaria/database';
import { createVerifiedProducer, kafkaSettings, type VerifiedProducer } from '@talaria/kafka';
import { createLogger, type Logger } from '@talaria/observability';
import { type KafkaAccess } from '@talaria/operations';
import { type DataSource } from 'typeorm';
import { type ExitCode, exitCodes } from './exit-codes';

export type Output = {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
};

/** What a command finds around it: of the process, or of a test. */
export type Surroundings = {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  /** Told of the first Ctrl-C, which from then on does not end the process. Until this is asked for, it does. */
  readonly interrupt: () => AbortSignal;
};

/** What every verb is given. What it does not ask for is neither read nor opened; what it opened is closed for it. */
export type Context = Surroundings & {
  /** For what goes on beneath; JSON lines on standard error, errors only unless LOG_LEVEL asks for more. */
  readonly logger: Logger;
  /** The answer, on standard output: the value as one JSON document, or the text for a person. */
  readonly answer: (value: unknown, text: () => string) => void;
  /** What happens meanwhile, on standard error. */
  readonly say: (line: string) => void;
  /** @throws {ConfigurationError} naming every variable that is missing or wrong: ask for all that a verb needs at once */
  readonly settings: <S extends Parameters<typeof readEnvironment>[0]>(specs: S) => Environment<S>;
  /** @param silenceMs as for `createDataSource` */
  readonly dataSource: (silenceMs?: number) => Promise<DataSource>;
  readonly kafka: () => KafkaAccess;
  /** Connected. */
  readonly producer: (topics: readonly string[]) => Promise<VerifiedProducer>;
  /** For whoever found what should not be: everything is told, and yet the exit code is not 0. */
  readonly exitWith: (code: ExitCode) => void;
};

export type OwnedContext = Context & {
  readonly useFormat: (format: 'table' | 'json') => void;
  readonly exitCode: () => ExitCode;
  readonly close: () => Promise<void>;
};

const CONNECTIONS = 4;

export function createContext(surroundings: Surroundings): OwnedContext {
  const { env, stdout, stderr } = surroundings;
  const closers: (() => Promise<void>)[] = [];
  let code: ExitCode = exitCodes.done;
  let format: 'table' | 'json' = 'table';
  let opened: Promise<DataSource> | undefined;
  const logger = createLogger('talaria', env.LOG_LEVEL ?? 'error', {
    write: (line) => void stderr.write(line),
  });
  const settings: Context['settings'] = (specs) => readEnvironment(specs, env);
  const kafka = () => ({ config: settings(kafkaSettings), logger });
  const open = async (silenceMs: number | undefined) => {
    const config = { ...settings(databaseSettings), DATABASE_POOL_SIZE: CONNECTIONS };
    const dataSource = await createDataSource(config, undefined, silenceMs).initialize();
    closers.push(() => dataSource.destroy());
    return dataSource;
  };
  return {
    ...surroundings,
    logger,
    answer: (value, text) => void stdout.write(`${format === 'json' ? JSON.stringify(value) : text()}\n`),
    say: (line) => void stderr.write(`${line}\n`),
    settings,
    kafka,
    dataSource: (silenceMs) => (opened ??= open(silenceMs)),
    async producer(topics) {
      const producer = await createVerifiedProducer({ ...kafka(), clientId: 'talaria.cli', topics });
      closers.push(() => producer.close());
      return producer;
    },
    exitWith: (other) => (code = other),
    useFormat: (other) => (format = other),
    exitCode: () => code,
    async close() {
      for (const close of closers.reverse()) await close();
    },
  };
}
