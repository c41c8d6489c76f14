import { setTimeout as delay } from 'node:timers/promises';
import { isStopping } from '@talaria/observability';
import { type DataSource, MigrationExecutor } from 'typeorm';

/** Any number, the same in every process: only one migrates at a time. */
const MIGRATION_LOCK = 7_460_311;

/**
 * Brings the schema up to date. Safe when several processes do it at once. Takes one connection.
 * @returns the names of the migrations that ran; empty when there was nothing to do
 */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    // Another process's migration, or this one, may take longer than any other statement.
    await runner.query('SET statement_timeout = 0');
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'each';
    const ran = await executor.executePendingMigrations();
    return ran.map(({ name }) => name);
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await runner.release();
  }
}

export type MigrationState = {
  readonly applied: readonly string[];
  /** Of this release, and not applied. */
  readonly pending: readonly string[];
  /** Applied by a release that is newer than this one. */
  readonly unknown: readonly string[];
};

/** How the schema stands to this release, by the names of migrations. Changes nothing. */
export async function readMigrations(dataSource: DataSource): Promise<MigrationState> {
  const known = dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name);
  const applied = await appliedMigrations(dataSource);
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}

const LOOK_EVERY_MS = 1000;

/**
 * Resolves when the schema has every migration of this release, whoever applies them. Those of a newer release are no hindrance: the one that is
 * being replaced goes on meanwhile.
 * @param onWait told, once, which are missing
 * @throws when the database does not answer, or the process is to stop
 */
export async function untilMigrated(
  dataSource: DataSource,
  onWait: (pending: readonly string[]) => void,
): Promise<void> {
  for (let looks = 0; ; looks++) {
    const { pending } = await readMigrations(dataSource);
    if (pending.length === 0) return;
    if (looks === 0) onWait(pending);
    if (isStopping()) throw new Error('the schema was not migrated before the process was to stop');
    await delay(LOOK_EVERY_MS);
  }
}

async function appliedMigrations(dataSource: DataSource): Promise<string[]> {
  const [table] = await dataSource.query<{ is: string | null }[]>(
    `SELECT to_regclass('public.migrations') AS is`,
  );
  if (table?.is == null) return [];
  const rows = await dataSource.query<{ name: string }[]>('SELECT name FROM migrations ORDER BY timestamp');
  return rows.map(({ name }) => name);
}
