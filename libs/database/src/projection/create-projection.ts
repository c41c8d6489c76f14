import { renewProjectionRights, renewViewRights } from '../rights/grant-rights';
import { type Sql } from '../transaction';
import { schemaOf } from './schema-of';
import { partitioned, shown, tables } from './tables';

/**
 * Counts how the tables of a projection look. A processor writes only versions of the shape that it was built with, so that an older and a
 * newer one can work side by side until the newer is promoted.
 */
export const PROJECTION_SHAPE = 1;

/** `live`: readers see it and events are told from it · `building`: catches up silently · `standby`: was live, and is kept ready to be it again */
export type ProjectionState = 'live' | 'building' | 'standby';

/** Where rows lie of which nobody told a time. It is kept whatever is let go. */
export const NO_MONTH = '1970-01-01';

/** Any number, the same in every process: only one adds partitions at a time. */
const PARTITION_LOCK = 7_460_312;

/** Makes the tables of a version, empty. Meant for a transaction; leaves its `search_path` at the default. */
export async function createProjection(sql: Sql, version: number, state: ProjectionState): Promise<void> {
  await sql(`INSERT INTO projections (version, shape, state) VALUES ($1, $2, $3)`, [
    version,
    PROJECTION_SHAPE,
    state,
  ]);
  await sql(`CREATE SCHEMA ${schemaOf(version)}`);
  await sql(`SET LOCAL search_path TO ${schemaOf(version)}`);
  for (const statement of tables.split(/;\s*$/m).filter((text) => text.trim() !== '')) await sql(statement);
  await sql('SET LOCAL search_path TO DEFAULT');
  await renewProjectionRights(sql, version);
}

/** Shorter than Postgres lets two wait for each other before it ends one of them (1 s), which could be a reader. */
const VIEWS_WITHIN_MS = 800;

/**
 * Lets readers see this version, under the names that they know. In one transaction they see the one or the other, never an error; the views
 * are locked until it ends, so let nothing come after it. Views of the same columns keep their grants and what depends on them.
 * @throws SQLSTATE 55P03 when readers do not let go of the views within 0.8 s: roll back and try again
 */
export async function showProjection(sql: Sql, version: number): Promise<void> {
  const deadline = performance.now() + VIEWS_WITHIN_MS;
  await sql('SAVEPOINT shown');
  for (const name of shown) {
    const select = `AS SELECT * FROM ${schemaOf(version)}.${name}`;
    await sql(`SET LOCAL lock_timeout = ${Math.max(1, Math.round(deadline - performance.now()))}`);
    try {
      await sql(`CREATE OR REPLACE VIEW public.${name} ${select}`);
    } catch (error) {
      if (!isOfOtherColumns(error)) throw error;
      await sql('ROLLBACK TO SAVEPOINT shown');
      await sql(`DROP VIEW public.${name}`);
      await sql(`CREATE VIEW public.${name} ${select}`);
    }
    await sql('SAVEPOINT shown');
  }
  await renewViewRights(sql, shown);
}

function isOfOtherColumns(error: unknown): boolean {
  return (error as { code?: unknown }).code === '42P16';
}

/**
 * Makes the partitions of these months where they are missing, in the schema of `search_path`; not of months that are let go. Needs no right to make
 * tables. Meant for a transaction of its own.
 * @param months first days, like 2026-11-01
 */
export async function addMonths(sql: Sql, months: readonly string[]): Promise<void> {
  await holdPartitions(sql);
  const wanted = months.flatMap((month) => partitioned.map((table) => ({ table, month })));
  const missing = await sql<{ table: (typeof partitioned)[number]; month: string }>(
    `SELECT "table", month FROM unnest($1::text[], $2::text[], $3::text[]) AS w ("table", month, name)
     WHERE (month::date >= (SELECT kept_from FROM public.projection_retention) OR month = '${NO_MONTH}')
       AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = "table"::regclass AND inhrelid = to_regclass(name))`,
    [
      wanted.map(({ table }) => table),
      wanted.map(({ month }) => month),
      wanted.map(({ table, month }) => partitionOf(table, month)),
    ],
  );
  for (const { table, month } of missing)
    await sql('SELECT public.add_month(current_schema(), $1, $2)', [table, month]);
}

/** Until the transaction ends nobody else makes partitions. */
export async function holdPartitions(sql: Sql): Promise<void> {
  await sql('SELECT pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
}

/** The name of a month's partition: messages_2026_11. */
export function partitionOf(table: string, month: string): string {
  return `${table}_${month.slice(0, 7).replace('-', '_')}`;
}

/** @returns the first day of the month of this instant, in UTC, like 2026-11-01 */
export function monthOf(at: Date): string {
  return `${at.toISOString().slice(0, 7)}-01`;
}
