import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { Child, endOfLog } from './child';
import { freeze } from './freeze';
import { freePorts } from './ports';
import { choosePlace, type Place } from './postgres-place';
import { isAlive, programOf } from '@talaria/process-lock';
import { postgresProblem } from './reachable';

/** A server that this process started. */
export type Postgres = {
  /** Of a superuser; the same for as long as the stack runs. */
  readonly url: string;
  /** Undefined while it does not run; another one after each start. */
  readonly pid: number | undefined;
  /** Its fast shutdown: clients are told, transactions rolled back. Resolves when it is gone. */
  stop(): Promise<void>;
  /** kill -9 of it and of every process it has started: nobody is told, nothing is written any more. Resolves when all are gone. */
  kill(): Promise<void>;
  /** Starts it again, same port, same data; resolves when it answers. */
  start(): Promise<void>;
  /** SIGSTOP of all its processes: when it returns nothing answers any more; connections stay open. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
};

export type PostgresOptions = {
  /** Data, password and log are kept here. */
  readonly directory: string;
  readonly pidFiles: string;
  readonly say: (line: string) => void;
};

const DATABASE = 'talaria';
const SUPERUSER = 'postgres';
/** A large write-ahead log, left by a kill, takes a while to replay. */
const READY_WITHIN_MS = 60_000;

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  // What a test proves about a crash must hold for the real server.
  fsync: 'on',
  synchronous_commit: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Starts Postgres on a free port of 127.0.0.1; resolves when the database "talaria" answers. */
export async function startPostgres({ directory, pidFiles, say }: PostgresOptions): Promise<Postgres> {
  const place = choosePlace(directory, say);
  const password = keepPassword(place);
  if (!existsSync(place.data)) initialise(place);

  const [port = 0] = await freePorts(1);
  const server = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}`;
  const log = join(directory, 'postgres.log');
  if (existsSync(log)) renameSync(log, `${log}.previous`);
  let child: Child | undefined;
  let isPaused = false;

  async function start(): Promise<void> {
    if (child) return;
    disownStalePidFile(place.data);
    const started = run(place, port, log, pidFiles, (how) => {
      child = undefined;
      say(`Postgres has ended (${how}); see ${log}`);
    });
    child = started;
    try {
      const problem = await started.until((signal) =>
        postgresProblem(`${server}/postgres`, READY_WITHIN_MS, signal),
      );
      if (problem) throw new Error(`Postgres does not answer: ${problem}.\n${endOfLog(log)}`);
    } catch (error) {
      await stop();
      throw error;
    }
  }

  async function stop(): Promise<void> {
    resume();
    await child?.stop();
    child = undefined;
  }

  /** It first, then those it has started: so none is started unseen. */
  function pause(): number[] {
    isPaused = true;
    child?.freeze();
    const started = childrenOf(child?.pid);
    for (const pid of started) freeze(pid);
    return started;
  }

  function resume(): void {
    if (!isPaused) return;
    isPaused = false;
    for (const pid of childrenOf(child?.pid)) signal(pid, 'SIGCONT');
    child?.signal('SIGCONT');
  }

  async function kill(): Promise<void> {
    const started = pause();
    await child?.kill();
    child = undefined;
    isPaused = false;
    for (const pid of started) signal(pid, 'SIGKILL');
    while (started.some((pid) => isAlive({ pid }))) await sleep(10);
  }

  await start();
  try {
    await createDatabase(`${server}/postgres`);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `${server}/${DATABASE}`,
    get pid() {
      return child?.pid;
    },
    ...{ stop, kill, start, resume },
    pause: () => void pause(),
  };
}

function run(
  { binaries, data, account }: Place,
  port: number,
  log: string,
  pidFiles: string,
  onUnexpectedEnd: (how: string) => void,
): Child {
  const settingFlags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return new Child({
    name: 'Postgres',
    command: join(binaries, 'postgres'),
    args: ['-D', data, '-p', String(port), ...settingFlags],
    cwd: '/',
    env: environment(),
    log,
    pidFile: join(pidFiles, 'postgres.json'),
    // Fast and immediate shutdown: https://www.postgresql.org/docs/18/server-shutdown.html
    stopSignal: 'SIGINT',
    killSignal: 'SIGQUIT',
    account,
    onUnexpectedEnd,
  });
}

/** The processes that one has started; each of Postgres's leads a process group of its own, so that no signal reaches them together. */
function childrenOf(parent: number | undefined): number[] {
  if (parent === undefined) return [];
  const { stdout, error } = spawnSync('ps', ['-A', '-o', 'pid=', '-o', 'ppid='], { encoding: 'utf8' });
  if (error) throw new Error(`The processes of Postgres cannot be told without "ps": ${error.message}`);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return lines.flatMap(([pid, ppid]) => (pid !== undefined && ppid === parent ? [pid] : []));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

/** Kept beside the data, which know it; the account must be able to read it, for initdb. */
function keepPassword({ data, passwordFile, account }: Place): string {
  if (!existsSync(data)) {
    rmSync(passwordFile, { force: true });
    writeFileSync(passwordFile, randomBytes(18).toString('hex'), { mode: 0o600 });
    if (account) chownSync(passwordFile, account.uid, account.gid);
  }
  return readFileSync(passwordFile, 'utf8');
}

/** Makes the data folder, complete or not at all. */
function initialise({ binaries, account, data, passwordFile }: Place): void {
  const half = `${data}.half`;
  rmSync(half, { recursive: true, force: true });
  const args = ['-D', half, '-U', SUPERUSER, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8'];
  // Postgres' own C.UTF-8 is the same on every machine: byte order, and upper and lower case of all letters.
  args.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-sync');
  const { status, error, stdout, stderr } = spawnSync(join(binaries, 'initdb'), args, {
    cwd: '/',
    env: environment(),
    encoding: 'utf8',
    ...account,
  });
  if (status !== 0) {
    throw new Error(
      `Postgres could not make its data folder ${half}: ${error?.message ?? `${stdout}${stderr}`.trim()}`,
    );
  }
  renameSync(half, data);
}

/**
 * After a kill, postmaster.pid may name a zombie, or a pid that another process has since been given, and Postgres
 * would take it for a server that runs. We hold the stack's lock and have ended what earlier runs left, so only a
 * living postgres that somebody else started rightly has it. Our own pid, its parent's, is one that Postgres ignores,
 * and it still looks at the rest of the file: whether the shared memory of that server is in use.
 */
function disownStalePidFile(data: string): void {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const content = readFileSync(file, 'utf8');
  const pid = Number.parseInt(content, 10);
  if (isAlive({ pid }) && programOf(pid)?.includes('postgres')) return;
  writeFileSync(file, content.replace(/^.*/, String(process.pid)));
}

async function createDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(DATABASE)}`);
  } finally {
    await client.end();
  }
}

/** Nothing of ours: PGDATA, PGPORT or a locale that is not installed would change what is started. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C' };
}
