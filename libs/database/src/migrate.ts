import { setTimeout as delay } from 'node:timers/promises';
import { isStopping } from '@talaria/observability';
import { type DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import { renewRights } from './rights/grant-rights';

/** Any number, the same in every process: only one migrates at a time. */
const MIGRATION_LOCK = 7_460_311;
const WAIT_MS = 300_000;
/** Everybody else's statements wait behind a change of a table that waits for a transaction. */
const TABLE_LOCK_MS = 5000;

/** A newer release has changed the schema so that this one must not work with it; or must not change it. */
export class NewerSchemaError extends Error {
  override name = 'NewerSchemaError';
}

/** Somebody held what a migration needs for too long. Nothing was changed. */
export class MigrationWaitError extends Error {
  override name = 'MigrationWaitError';
}

export type MigrateOptions = {
  /** How long to wait for another process that migrates; default 5 min. */
  readonly waitMs?: number;
  /** Told that it waits. */
  readonly say?: (line: string) => void;
};

/**
 * Brings the schema up to date, and lets those who were granted something do with what is new what they should. All of it is one transaction: interrupted, it has changed nothing. Several processes that do it at once do it one after
 * the other. Takes one connection, which may be one of a pooler. The data source should be one without an end of silence.
 * @returns the names of the migrations that ran; empty when there was nothing to do
 * @throws {NewerSchemaError} when a release that this one does not know has migrated already
 * @throws {MigrationWaitError}
 */
export async function migrate(dataSource: DataSource, options: MigrateOptions = {}): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction('READ COMMITTED');
    // Another process's migrations, or these, may take longer than any other statement.
    await runner.query('SET LOCAL statement_timeout = 0');
    await takeTurn(runner, options);
    const state = await readMigrations(dataSource, runner);
    if (state.unknown.length > 0) throw new NewerSchemaError(cannotMigrate(state));
    const ran = await runPending(dataSource, runner);
    if (ran.length > 0) await renewRights((text, parameters = []) => runner.query(text, [...parameters]));
    await runner.commitTransaction();
    return ran;
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

/** The lock ends with the transaction, and so with the process, or its connection. */
async function takeTurn(
  runner: QueryRunner,
  { waitMs = WAIT_MS, say = () => undefined }: MigrateOptions,
): Promise<void> {
  const [first] = (await runner.query('SELECT pg_try_advisory_xact_lock($1) AS taken', [MIGRATION_LOCK])) as {
    taken: boolean;
  }[];
  if (first?.taken === true) return;
  say(
    `Another process migrates this database, or holds a transaction that did: waiting for it, ${waitMs / 1000} s at most.`,
  );
  await runner.query(`SET LOCAL lock_timeout = ${Math.max(1, Math.round(waitMs))}`);
  await orWaitError(
    runner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]),
    `another process has been migrating for more than ${waitMs / 1000} s. Nothing was changed: let it end, or look for it in pg_stat_activity, and try again`,
  );
}

async function runPending(dataSource: DataSource, runner: QueryRunner): Promise<string[]> {
  await runner.query(`SET LOCAL lock_timeout = ${TABLE_LOCK_MS}`);
  const executor = new MigrationExecutor(dataSource, runner);
  executor.transaction = 'all';
  const ran = await orWaitError(
    executor.executePendingMigrations(),
    `a transaction has held a table for more than ${TABLE_LOCK_MS / 1000} s that has to be changed. Nothing was changed: look in pg_stat_activity for transactions that stay open, and try again`,
  );
  return ran.map(({ name }) => name);
}

function orWaitError<T>(work: Promise<T>, message: string): Promise<T> {
  return work.catch((cause: unknown) => {
    throw (cause as { code?: unknown }).code === '55P03' ? new MigrationWaitError(message, { cause }) : cause;
  });
}

export type MigrationState = {
  readonly applied: readonly string[];
  /** Of this release, and not applied. */
  readonly pending: readonly string[];
  /** Applied by a release that is newer than this one. */
  readonly unknown: readonly string[];
  /** Who works with the schema must know this migration: what releases before it need is there no more. */
  readonly oldest: string | null;
  /** Whether this release may work with the schema as it is. */
  readonly suits: boolean;
};

/** How the schema stands to this release, by the names of migrations. Changes nothing. */
export async function readMigrations(
  dataSource: DataSource,
  on: Pick<DataSource, 'query'> = dataSource,
): Promise<MigrationState> {
  const known = dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name);
  const applied = await column(on, 'migrations', 'SELECT name AS value FROM migrations ORDER BY timestamp');
  const [oldest = null] = await column(
    on,
    'oldest_program',
    'SELECT migration AS value FROM public.oldest_program',
  );
  const pending = known.filter((name) => !applied.includes(name));
  return {
    ...{ applied, pending, oldest },
    unknown: applied.filter((name) => !known.includes(name)),
    suits: pending.length === 0 && (oldest === null || known.includes(oldest)),
  };
}

async function column(on: Pick<DataSource, 'query'>, table: string, select: string): Promise<string[]> {
  const [found] = await on.query<{ is: string | null }[]>(`SELECT to_regclass($1) AS is`, [
    `public.${table}`,
  ]);
  if (found?.is == null) return [];
  return (await on.query<{ value: string }[]>(select)).map(({ value }) => value);
}

function cannotMigrate({ unknown, suits }: MigrationState): string {
  return [
    `the schema is newer than this release: it does not know ${unknown.join(', ')}. Nothing was changed.`,
    suits
      ? 'Services of this release may work with it; to change it, take the release that has migrated it, or a newer one'
      : 'Use the release that has migrated it, or a newer one',
  ].join(' ');
}

const LOOK_EVERY_MS = 1000;

/**
 * Resolves when the schema has every migration of this release, whoever applies them. Those of a newer release are no hindrance, unless one of
 * them has taken away what this release needs: the one that is being replaced goes on meanwhile.
 * @param onWait told, once, which are missing
 * @throws {NewerSchemaError}
 * @throws when the database does not answer, or the process is to stop
 */
export async function untilMigrated(
  dataSource: DataSource,
  onWait: (pending: readonly string[]) => void,
): Promise<void> {
  for (let looks = 0; ; looks++) {
    const { pending, oldest, suits } = await readMigrations(dataSource);
    if (suits) return;
    if (pending.length === 0)
      throw new NewerSchemaError(
        `the schema is too new for this release: it is for releases that know ${oldest}. Start the release that has migrated it, or a newer one`,
      );
    if (looks === 0) onWait(pending);
    if (isStopping()) throw new Error('the schema was not migrated before the process was to stop');
    await delay(LOOK_EVERY_MS);
  }
}
