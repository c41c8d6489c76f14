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
