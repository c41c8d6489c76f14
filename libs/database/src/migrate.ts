import { type DataSource } from 'typeorm';

/** Any number, the same in every process: only one migrates at a time. */
const MIGRATION_LOCK = 7_460_311;

/**
 * Brings the schema up to date. Safe when several processes do it at once.
 * @returns the names of the migrations that ran; empty when there was nothing to do
 */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const ran = await dataSource.runMigrations({ transaction: 'each' });
    return ran.map(({ name }) => name);
  } finally {
    await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await lock.release();
  }
}
