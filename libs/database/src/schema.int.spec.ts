import { type DataSource } from 'typeorm';
import { testDatabase, type TestDatabase } from '../../../test/kit';
import { entities } from './data-source';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase()));
afterAll(() => database.close());

type Column = { table: string; column: string; type: string; nullable: boolean; key: boolean };
const names: Readonly<Record<string, string>> = {
  'timestamp with time zone': 'timestamptz',
};

async function migratedColumns(): Promise<Column[]> {
  const rows = await database.dataSource.query<Column[]>(`
    SELECT c.table_name AS table, c.column_name AS column, c.data_type AS type, c.is_nullable = 'YES' AS nullable,
           EXISTS (SELECT FROM information_schema.table_constraints t
                   JOIN information_schema.key_column_usage k USING (constraint_name, table_name)
                   WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_name = c.table_name
                     AND k.column_name = c.column_name) AS key
    FROM information_schema.columns c
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND table_type = 'BASE TABLE'
      AND c.table_name NOT IN ('migrations', 'oldest_program', 'user_roles', 'projections', 'projection_retention', 'dispatch_backlog', 'dispatch_backlog_lanes',
                               'cancelled_campaigns', 'inbound_rates', 'dead_letters', 'redrives', 'discards', 'registry_changes', 'erasures', 'erased_ids')`);
  return rows.map((row) => ({ ...row, type: names[row.type] ?? row.type })).sort(byName);
}

function declaredColumns({ entityMetadatas }: DataSource): Column[] {
  return entityMetadatas
    .flatMap(({ tableName, columns }) =>
      columns.map(({ databaseName, type, isArray, isNullable, isPrimary }) => ({
        table: tableName,
        column: databaseName,
        type: isArray ? 'ARRAY' : String(type),
        nullable: isNullable,
        key: isPrimary,
      })),
    )
    .sort(byName);
}

const nameOf = ({ table, column }: Column) => `${table}.${column}`;
const byName = (a: Column, b: Column) => (nameOf(a) < nameOf(b) ? -1 : 1);

it('entities and tables have the same columns, of the same types, nullability and keys', async () => {
  const declared = declaredColumns(database.dataSource);
  expect(declared).toEqual(await migratedColumns());
  expect(new Set(declared.map(({ table }) => table)).size).toBe(entities.length);
});

it('nothing is registered with a rate that Meta knows for no number, or that lets nothing through', async () => {
  const { dataSource } = database;
  const statements = {
    phone_numbers: `INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number, access_token, messages_per_second)
                    VALUES ('1', '1', '', '', $1)`,
    wabas: `INSERT INTO wabas (waba_id, name, messages_per_second) VALUES ('2', '', $1)`,
    apps: `INSERT INTO apps (app_id, messages_per_second) VALUES ('2', $1)`,
  };
  await dataSource.query(`INSERT INTO wabas (waba_id, name) VALUES ('1', '')`);
  for (const [table, statement] of Object.entries(statements)) {
    for (const rate of [0, -1, ...(table === 'phone_numbers' ? [1001, null] : [])])
      await expect(dataSource.query(statement, [rate])).rejects.toThrow(/messages_per_second/);
    await dataSource.query(statement, [1000]);
  }
});

it('every entity can be read', async () => {
  for (const entity of entities) await database.dataSource.getRepository<object>(entity).find();
});
