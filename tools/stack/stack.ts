import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { endOrphans } from './child';
import { type ClientListeners, prepareKafka, startKafka, type Broker } from './kafka';
import { type KafkaSecurity } from './kafka-properties';
import { takeDirectory } from './take-directory';
import { type Postgres, startPostgres } from './postgres';
import { identify, isAlive, readIdentity, type ProcessIdentity } from '@talaria/process-lock';
import { kafkaProblem, postgresProblem } from './reachable';
import { repositoryRoot } from './repository';

export type { Broker, ClientListeners } from './kafka';
export type { Postgres } from './postgres';

export type StackOptions = {
  /** Where everything lives and is kept between runs; default `<repository>/.talaria`. */
  directory?: string;
  /** Default 1. Each count has data of its own. */
  brokers?: 1 | 3;
  /** Is given progress lines for a person. */
  say?: (line: string) => void;
  /** Whether other programs of this clone may use it while it runs; see {@link runningStack}. */
  announced?: boolean;
  /** KAFKA_BROKERS and DATABASE_URL in it name servers that run already; default this process's. */
  env?: NodeJS.ProcessEnv;
  /** For a Kafka that must know its clients; its data must be new. */
  security?: KafkaSecurity | undefined;
  /** For a Kafka whose ways to its clients can be hurt. */
  clients?: ClientListeners | undefined;
};

export type Stack = {
  /** host:port, comma-separated. */
  readonly kafkaBrokers: string;
  /** Of a superuser when we started the server; the database exists. */
  readonly databaseUrl: string;
  /** Empty when KAFKA_BROKERS named a cluster. */
  readonly brokers: readonly Broker[];
  /** Undefined when DATABASE_URL named a server. */
  readonly postgres: Postgres | undefined;
  /** Ends what was started here, and nothing else; resolves when it is gone. May be called again. */
  stop(): Promise<void>;
};

export type RunningStack = Pick<Stack, 'kafkaBrokers' | 'databaseUrl'> & {
  readonly pid: number;
  /** Of the brokers that it runs; empty when KAFKA_BROKERS named a cluster. */
  readonly kafkaPids: readonly number[];
};

const NAMED_SERVER_ANSWERS_WITHIN_MS = 5_000;
const defaultDirectory = () => join(repositoryRoot(), '.talaria');
const notice = (directory: string) => join(directory, 'stack.json');

/**
 * Starts a real Kafka and a real Postgres, or uses those that the environment names. One stack runs in a directory
 * at a time. Install handlers for SIGINT and SIGTERM before calling this: the servers do not see Ctrl-C, stop() is
 * what ends them (or process.exit(), by force). Rejects with an error that says what to do; nothing then runs.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { brokers: brokerCount = 1, say = () => undefined, env = process.env, security, clients } = options;
  const directory = resolve(options.directory ?? defaultDirectory());
  await checkNamedServers(env);

  const { KAFKA_BROKERS, DATABASE_URL } = env;
  if (KAFKA_BROKERS && DATABASE_URL) {
    return {
      kafkaBrokers: KAFKA_BROKERS,
      databaseUrl: DATABASE_URL,
      brokers: [],
      postgres: undefined,
      stop: () => Promise.resolve(),
    };
  }

  const undo: (() => Promise<void> | void)[] = [await takeDirectory(directory)];
  const stop = once(async () => {
    for (const step of undo.reverse()) await step();
  });
  try {
    const pidFiles = join(directory, 'pids');
    await endOrphans(pidFiles);
    const kafkaOptions = {
      directory: join(directory, 'kafka'),
      pidFiles,
      brokers: brokerCount,
      say,
      env,
      security,
      clients,
    };
    const jvm = env.KAFKA_BROKERS ? undefined : await prepareKafka(kafkaOptions);

    let postgres: Postgres | undefined;
    if (!env.DATABASE_URL) {
      const started = await timed(say, 'Postgres', () =>
        startPostgres({ directory: join(directory, 'postgres'), pidFiles, say }),
      );
      undo.push(() => started.stop());
      postgres = started;
    }

    let brokers: readonly Broker[] = [];
    if (jvm) {
      const kafka = await timed(say, 'Kafka', () => startKafka(jvm, kafkaOptions));
      undo.push(() => kafka.stop());
      brokers = kafka.brokers;
    }
    const kafkaBrokers = env.KAFKA_BROKERS ?? '';
    const stack = {
      kafkaBrokers: kafkaBrokers || brokers.map(({ address }) => address).join(','),
      databaseUrl: postgres?.url ?? env.DATABASE_URL ?? '',
    };
    if (options.announced === true) undo.push(announce(directory, { ...stack, kafkaPids: pidsOf(brokers) }));
    return { ...stack, brokers, postgres, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The stack that another living process, or this one, has announced in `directory`; undefined when there is none. */
export function runningStack(directory = defaultDirectory()): RunningStack | undefined {
  const found = readIdentity(notice(resolve(directory))) as (RunningStack & ProcessIdentity) | undefined;
  if (!found || !isAlive(found)) return undefined;
  const { pid, kafkaBrokers, databaseUrl, kafkaPids } = found;
  return { pid, kafkaBrokers, databaseUrl, kafkaPids };
}

/** The processes of those brokers that run. */
export function pidsOf(brokers: readonly Broker[]): number[] {
  return brokers.flatMap(({ pid }) => pid ?? []);
}

async function checkNamedServers(env: NodeJS.ProcessEnv): Promise<void> {
  const { KAFKA_BROKERS, DATABASE_URL } = env;
  const within = NAMED_SERVER_ANSWERS_WITHIN_MS;
  const [kafka, postgres] = await Promise.all([
    KAFKA_BROKERS ? kafkaProblem(KAFKA_BROKERS.split(','), within) : undefined,
    DATABASE_URL ? postgresProblem(DATABASE_URL, within) : undefined,
  ]);
  const problems: string[] = [];
  if (kafka) problems.push(`KAFKA_BROKERS names ${KAFKA_BROKERS ?? ''}, which does not answer: ${kafka}`);
  if (postgres) problems.push(`DATABASE_URL names a database which does not answer: ${postgres}`);
  if (problems.length > 0) throw new Error(`${problems.join('.\n')}.\nStart it, or unset the variable.`);
}

/** Tells other processes of this clone where the servers are; gives back what takes it back. */
function announce(directory: string, stack: Omit<RunningStack, 'pid'>): () => void {
  const file = notice(directory);
  rmSync(file, { force: true });
  writeFileSync(file, JSON.stringify({ ...identify(process.pid), ...stack }), { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

async function timed<T>(say: (line: string) => void, name: string, start: () => Promise<T>): Promise<T> {
  const from = Date.now();
  const started = await start();
  say(`${name}: ready after ${((Date.now() - from) / 1000).toFixed(1)} s`);
  return started;
}

function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= action());
}
