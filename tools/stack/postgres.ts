import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { Child, endOfLog } from './child';
import { freePorts } from './ports';
import { choosePlace, type Place } from './postgres-place';
import { isAlive, programOf } from '@talaria/process-lock';
import { postgresProblem } from './reachable';

export type Postgres = { readonly url: string; stop(): Promise<void> };

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
  disownStalePidFile(place.data);

  const settingFlags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [port] = await freePorts(1);
  const log = join(directory, 'postgres.log');
  if (existsSync(log)) renameSync(log, `${log}.previous`);
  const child = new Child({
    name: 'Postgres',
    command: join(place.binaries, 'postgres'),
    args: ['-D', place.data, '-p', String(port), ...settingFlags],
    cwd: '/',
    env: environment(),
    log,
    pidFile: join(pidFiles, 'postgres.json'),
    // Fast and immediate shutdown: https://www.postgresql.org/docs/18/server-shutdown.html
    stopSignal: 'SIGINT',
    killSignal: 'SIGQUIT',
    account: place.account,
    onUnexpectedEnd: (how) => say(`Postgres has ended (${how}); see ${log}`),
  });
  try {
    const server = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}`;
    const problem = await child.until((signal) =>
      postgresProblem(`${server}/postgres`, READY_WITHIN_MS, signal),
    );
    if (problem) throw new Error(`Postgres does not answer: ${problem}.\n${endOfLog(log)}`);
    await createDatabase(`${server}/postgres`);
    return { url: `${server}/${DATABASE}`, stop: () => child.stop() };
  } catch (error) {
    await child.stop();
    throw error;
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
