import { type DataSource } from 'typeorm';
import { inTransaction, type Sql } from '../transaction';
import { createProjection } from './create-projection';
import { schemaOf } from './schema-of';
import { listProjections, MissingVersionError } from './list-projections';

/**
 * Makes the next version of the read model, empty, for the processors to fill. There is one at a time: while one is being built, that is
 * the one.
 * @returns which it is, and whether it is new
 */
export function beginRebuild(dataSource: DataSource): Promise<{ version: number; isNew: boolean }> {
  return inTransaction(dataSource, async (sql) => {
    await holdVersions(sql);
    const building = (await listProjections(sql)).find(({ state }) => state === 'building');
    if (building !== undefined) return { version: building.version, isNew: false };
    const version = await nextVersion(sql);
    await createProjection(sql, version, 'building');
    return { version, isNew: true };
  });
}

/** Also past schemas whose version was dropped by half. */
async function nextVersion(sql: Sql): Promise<number> {
  const [found] = await sql<{ next: number }>(
    `SELECT 1 + coalesce(max(version), 0) AS next FROM (
       SELECT version FROM projections
       UNION SELECT substr(nspname, 12)::integer FROM pg_namespace WHERE nspname ~ '^projection_[0-9]+$'
     ) AS known`,
  );
  return found?.next ?? 1;
}

/** Until the transaction ends nobody else adds, promotes or drops versions; processors go on reading which there are. */
export async function holdVersions(sql: Sql): Promise<void> {
  await sql('LOCK TABLE public.projections IN SHARE ROW EXCLUSIVE MODE');
}

/**
 * Removes a version and all its rows. Its processors stop when they see that it is not listed any more. What was interrupted is
 * ended by doing it again.
 * @param options.stopped resolves when nothing works on it any more; the rows are removed after that
 * @throws when it is the live one, or there is none
 */
export async function dropProjection(
  dataSource: DataSource,
  version: number,
  options: { readonly stopped: () => Promise<void> },
): Promise<void> {
  await inTransaction(dataSource, async (sql) => {
    await holdVersions(sql);
    const one = (await listProjections(sql)).find((listed) => listed.version === version);
    if (one?.state === 'live')
      throw new Error(`version ${version} is the live one: promote another before you drop it`);
    const schemas = await sql('SELECT FROM pg_namespace WHERE nspname = $1', [schemaOf(version)]);
    if (one === undefined && schemas.length === 0) throw new MissingVersionError(version);
    await sql('DELETE FROM public.projections WHERE version = $1', [version]);
  });
  await options.stopped();
  await inTransaction(dataSource, (sql) => sql(`DROP SCHEMA IF EXISTS ${schemaOf(version)} CASCADE`));
}
