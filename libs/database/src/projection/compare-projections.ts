import { type DataSource } from 'typeorm';
import { inTransaction, type Sql, sqlOf } from '../transaction';
import { schemaOf } from './schema-of';
import { listProjections } from './list-projections';
import { cameUp, holdCheckpoints, isLevel } from './promote-projection';

/** What a table holds: equal rows in any order are equal sums. */
export type TableSum = { readonly table: string; readonly rows: number; readonly checksum: string };

export type TableComparison = {
  readonly table: string;
  readonly equal: boolean;
  /** Of the first and of the second version. */
  readonly rows: readonly [number, number];
  readonly checksums: readonly [string, string];
  /** Columns that only one of them has; these are not compared. */
  readonly otherColumns: readonly string[];
  /** Some of the rows that are not the same: their key, and where they are. */
  readonly samples: readonly { readonly key: string; readonly found: string }[];
};

export type Comparison = {
  readonly versions: readonly [number, number];
  /** Whether both stood at the same record of every partition. If not, their rows need not be the same. */
  readonly level: boolean;
  /** How many records each had projected. */
  readonly records: readonly [number, number];
  readonly tables: readonly TableComparison[];
};

const SAMPLES = 5;
const LEVEL_WITHIN_MS = 5000;

/** Where each version stands, and differs from the others for good reasons. */
const NOT_COMPARED = ['projection_checkpoints'];

/** Columns of keys that tell nothing of a person. Whatever else is in a key is shown as a hash. */
const PLAIN = new Set([
  ...['wamid', 'phone_number_id', 'waba_id', 'command_id', 'status', 'month', 'facet', 'version'],
  ...['change_hash', 'item_hash', 'topic', 'partition', 'record_offset'],
]);

/** Counts and sums every table of a version, all at one moment. */
export function sumProjection(dataSource: DataSource, version: number): Promise<TableSum[]> {
  return atOneMoment(dataSource, undefined, async (sql) => {
    const sums: TableSum[] = [];
    for (const { table, columns } of await tablesOf(sql, version))
      sums.push({ table, ...(await sum(sql, version, table, columns)) });
    return sums;
  });
}

/**
 * Compares two versions table by table, all at one moment. When one of them is the live one, that is stopped for up to 5 s so that the
 * other can come up to it.
 */
export async function compareProjections(
  dataSource: DataSource,
  one: number,
  other: number,
): Promise<Comparison> {
  const live = (await listProjections(sqlOf(dataSource))).find(({ state }) => state === 'live')?.version;
  const follower = live === one ? other : live === other ? one : undefined;
  const pair = live === undefined || follower === undefined ? undefined : { live, follower };
  return atOneMoment(dataSource, pair, async (sql) => ({
    versions: [one, other],
    level: await isLevel(sql, one, other),
    records: [await recordsOf(sql, one), await recordsOf(sql, other)],
    tables: await compareTables(sql, one, other),
  }));
}

/** One snapshot of everything, however long it takes to read. */
function atOneMoment<T>(
  dataSource: DataSource,
  pair: { readonly live: number; readonly follower: number } | undefined,
  read: (sql: Sql) => Promise<T>,
): Promise<T> {
  return inTransaction(dataSource, async (sql) => {
    await sql('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await sql('SET LOCAL statement_timeout = 0');
    await sql('SET LOCAL idle_in_transaction_session_timeout = 0');
    // The first statement that reads takes the snapshot.
    const look = () => sql('SELECT 1');
    if (pair === undefined) await look();
    else await whileLevel(dataSource, pair, look);
    return read(sql);
  });
}

function whileLevel(
  dataSource: DataSource,
  { live, follower }: { readonly live: number; readonly follower: number },
  look: () => Promise<unknown>,
): Promise<void> {
  return inTransaction(dataSource, async (sql) => {
    await sql('SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
    await holdCheckpoints(sql, live);
    await cameUp(sql, live, follower, LEVEL_WITHIN_MS);
    await look();
  });
}

async function recordsOf(sql: Sql, version: number): Promise<number> {
  const [found] = await sql<{ records: string }>(
    `SELECT coalesce(sum(next_offset), 0) AS records FROM ${schemaOf(version)}.projection_checkpoints`,
  );
  return Number(found?.records);
}

async function compareTables(sql: Sql, one: number, other: number): Promise<TableComparison[]> {
  const [first, second] = [await tablesOf(sql, one), await tablesOf(sql, other)];
  const compared: TableComparison[] = [];
  for (const table of first) {
    const twin = second.find((candidate) => candidate.table === table.table);
    if (twin !== undefined) compared.push(await compareTable(sql, [one, other], table, twin));
  }
  return compared;
}

async function compareTable(
  sql: Sql,
  [one, other]: readonly [number, number],
  { table, columns, key }: Table,
  twin: Table,
): Promise<TableComparison> {
  const both = columns.filter((column) => twin.columns.includes(column));
  const a = await sum(sql, one, table, both);
  const b = await sum(sql, other, table, both);
  const equal = a.rows === b.rows && a.checksum === b.checksum;
  return {
    table,
    equal,
    rows: [a.rows, b.rows],
    checksums: [a.checksum, b.checksum],
    otherColumns: [...columns, ...twin.columns].filter((column) => !both.includes(column)),
    samples: equal ? [] : await sample(sql, [one, other], table, both, key),
  };
}

type Table = { readonly table: string; readonly columns: readonly string[]; readonly key: readonly string[] };

/** Without the months, which are read through their parent, and those that were detached from it. */
async function tablesOf(sql: Sql, version: number): Promise<Table[]> {
  const tables = await sql<Table>(
    `SELECT relname AS "table", array_agg(attname::text ORDER BY attname) AS columns,
            array_agg(attname::text ORDER BY attname) FILTER (WHERE attnum = ANY (indkey)) AS key
     FROM pg_class
     JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
     JOIN pg_index ON indrelid = pg_class.oid AND indisprimary
     WHERE relnamespace = $1::regnamespace AND NOT relispartition AND relname !~ '_[0-9]{4}_[0-9]{2}$'
     GROUP BY relname ORDER BY relname`,
    [schemaOf(version)],
  );
  return tables.filter(({ table }) => !NOT_COMPARED.includes(table));
}

async function sum(sql: Sql, version: number, table: string, columns: readonly string[]) {
  const [found] = await sql<{ rows: string; checksum: string }>(
    `SELECT count(*) AS rows, coalesce(sum(${hashOf(columns)}::numeric), 0)::text AS checksum
     FROM ${schemaOf(version)}.${table}`,
  );
  return { rows: Number(found?.rows), checksum: found?.checksum ?? '0' };
}

function sample(
  sql: Sql,
  [one, other]: readonly [number, number],
  table: string,
  columns: readonly string[],
  key: readonly string[],
): Promise<{ key: string; found: string }[]> {
  const shown = key.map((name) =>
    PLAIN.has(name) ? `"${name}"::text` : `'#' || left(md5("${name}"::text), 12)`,
  );
  const rowsOf = (version: number) =>
    `(SELECT concat_ws(' ', ${shown.join(', ')}) AS key, ${hashOf(columns)} AS hash FROM ${schemaOf(version)}.${table})`;
  return sql(
    `SELECT key, CASE WHEN b.hash IS NULL THEN 'only in ${one}' WHEN a.hash IS NULL THEN 'only in ${other}' ELSE 'not the same' END AS found
     FROM ${rowsOf(one)} a FULL JOIN ${rowsOf(other)} b USING (key)
     WHERE a.hash IS DISTINCT FROM b.hash ORDER BY key LIMIT ${SAMPLES}`,
  );
}

function hashOf(columns: readonly string[]): string {
  return `hashtextextended(ROW(${columns.map((name) => `"${name}"`).join(', ')})::text, 0)`;
}
