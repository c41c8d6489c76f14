import { type DataSource, type QueryRunner } from 'typeorm';
import { inTransaction, type Sql, sqlOf } from '../transaction';
import { holdPartitions, NO_MONTH } from './create-projection';
import { schemaOf } from './schema-of';
import { listProjections } from './list-projections';
import { partitioned } from './tables';

/** What was let go of a version, or is to be. */
export type LetGo = {
  readonly version: number;
  /** Partitions that readers do not see any more. */
  readonly detached: readonly string[];
  /** Tables that are gone with their rows; detached ones of earlier times included. */
  readonly dropped: readonly string[];
  readonly messageIds: number;
  readonly commands: number;
};

export type RetainOptions = {
  /** Also removes what is detached. Default: it stays in the schema of its version, to be archived. */
  readonly drop?: boolean;
  /** Changes nothing. */
  readonly dryRun?: boolean;
};

const SLICE = 10_000;

/** What is let go of tables without months. */
const lettable = {
  message_ids: 'month < $1::date',
  commands: "state_at < $1::timestamp AT TIME ZONE 'UTC'",
} as const;

/** The first day of the month that lies this many months before an instant, in UTC. */
export function monthsBefore(months: number, at: Date): string {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - months)).toISOString().slice(0, 10);
}

/**
 * Lets go, in every version, of all months before one: late facts of them are not taken any more, their partitions are detached without
 * stopping anybody, and what stands in tables without months is deleted in slices. What was let go once stays so.
 * @param keptFrom the first month that is kept, like 2026-08-01; an earlier one than before counts as that
 * @returns from which month on is kept, and what was let go. Interrupted, it is ended by doing it again
 */
export async function retainMonths(
  dataSource: DataSource,
  keptFrom: string,
  { drop = false, dryRun = false }: RetainOptions = {},
): Promise<{ keptFrom: string; versions: LetGo[] }> {
  const kept = await moveKeptFrom(dataSource, keptFrom, dryRun);
  const versions: LetGo[] = [];
  for (const { version } of await listProjections(sqlOf(dataSource)))
    versions.push(
      await (dryRun
        ? wouldLetGo(sqlOf(dataSource), version, kept, drop)
        : letGo(dataSource, version, kept, drop)),
    );
  return { keptFrom: kept, versions };
}

async function moveKeptFrom(dataSource: DataSource, keptFrom: string, dryRun: boolean): Promise<string> {
  const [row] = await inTransaction(dataSource, async (sql) => {
    if (dryRun)
      return sql<{ kept: string }>(
        'SELECT greatest(kept_from, $1::date)::text AS kept FROM public.projection_retention',
        [keptFrom],
      );
    // Whoever makes partitions after this knows that these months are let go.
    await holdPartitions(sql);
    return sql<{ kept: string }>(
      'UPDATE public.projection_retention SET kept_from = greatest(kept_from, $1::date) RETURNING kept_from::text AS kept',
      [keptFrom],
    );
  });
  if (row === undefined) throw new Error('the table projection_retention is empty: add its one row again');
  return row.kept;
}

async function letGo(dataSource: DataSource, version: number, kept: string, drop: boolean): Promise<LetGo> {
  const sql = sqlOf(dataSource);
  // First, so that nothing is placed with a message whose month is gone.
  let messageIds = await deleteBefore(sql, version, 'message_ids', kept);
  const commands = await deleteBefore(sql, version, 'commands', kept);
  const detached: string[] = [];
  const runner = dataSource.createQueryRunner();
  try {
    // It waits for transactions that are open on the table, however long.
    await runner.query('SET statement_timeout = 0');
    for (const month of await monthsOf(sql, version, kept)) {
      if (!month.isAttached) continue;
      await detach(runner, version, month);
      detached.push(month.name);
    }
  } finally {
    await runner.query('RESET statement_timeout').catch(() => undefined);
    await runner.release();
  }
  // Those of transactions that had begun before.
  messageIds += await deleteBefore(sql, version, 'message_ids', kept);
  const dropped = drop ? await monthsOf(sql, version, kept) : [];
  for (const { name } of dropped) await sql(`DROP TABLE ${schemaOf(version)}.${name}`);
  return { version, detached, dropped: dropped.map(({ name }) => name), messageIds, commands };
}

async function wouldLetGo(sql: Sql, version: number, kept: string, drop: boolean): Promise<LetGo> {
  const months = await monthsOf(sql, version, kept);
  const count = async (table: keyof typeof lettable) => {
    const [found] = await sql<{ count: string }>(
      `SELECT count(*) FROM ${schemaOf(version)}.${table} WHERE ${lettable[table]}`,
      [kept],
    );
    return Number(found?.count);
  };
  return {
    version,
    detached: months.filter(({ isAttached }) => isAttached).map(({ name }) => name),
    dropped: drop ? months.map(({ name }) => name) : [],
    messageIds: await count('message_ids'),
    commands: await count('commands'),
  };
}

type Month = {
  readonly name: string;
  readonly parent: string;
  readonly isAttached: boolean;
  /** Its detaching was interrupted. */
  readonly isPending: boolean;
};

/** The tables of months that are let go, also those that are detached already. */
async function monthsOf(sql: Sql, version: number, kept: string): Promise<Month[]> {
  return sql<Month>(
    `SELECT relname AS name, parent, inhrelid IS NOT NULL AS "isAttached", coalesce(inhdetachpending, false) AS "isPending"
     FROM pg_class JOIN unnest($2::text[]) AS parent ON relname ~ ('^' || parent || '_[0-9]{4}_[0-9]{2}$')
     LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
     WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND right(relname, 7) < to_char($3::date, 'YYYY_MM')
       AND right(relname, 7) <> to_char('${NO_MONTH}'::date, 'YYYY_MM')
     ORDER BY relname`,
    [schemaOf(version), partitioned, kept],
  );
}

/** Outside of a transaction, and without locking readers or processors out. */
async function detach(
  runner: QueryRunner,
  version: number,
  { name, parent, isPending }: Month,
): Promise<void> {
  const schema = schemaOf(version);
  await runner.query(
    `ALTER TABLE ${schema}.${parent} DETACH PARTITION ${schema}.${name} ${isPending ? 'FINALIZE' : 'CONCURRENTLY'}`,
  );
}

/** In slices: processors wait only for as long as one takes. */
async function deleteBefore(
  sql: Sql,
  version: number,
  table: keyof typeof lettable,
  kept: string,
): Promise<number> {
  const name = `${schemaOf(version)}.${table}`;
  for (let deleted = 0; ;) {
    const [slice] = await sql<{ count: string }>(
      `WITH slice AS (
         DELETE FROM ${name} WHERE ctid = ANY (ARRAY (
           SELECT ctid FROM ${name} WHERE ${lettable[table]} LIMIT ${SLICE} FOR UPDATE SKIP LOCKED))
         RETURNING 1)
       SELECT count(*) FROM slice`,
      [kept],
    );
    const count = Number(slice?.count);
    deleted += count;
    if (count === 0) return deleted;
  }
}
