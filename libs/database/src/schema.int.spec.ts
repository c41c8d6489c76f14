import { type DataSource } from 'typeorm';
import { required, testDatabase, type TestDatabase } from '../../../test/kit';
import { createDatabase, dropDatabase } from '../../../tools/platform/database';
import { createDataSource, entities } from './data-source';
import { migrate, untilMigrated } from './migrate';

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
      AND c.table_name NOT IN ('migrations', 'projections', 'projection_retention', 'dispatch_backlog', 'dispatch_backlog_lanes',
                               'cancelled_campaigns', 'inbound_rates', 'dead_letters', 'redrives', 'discards', 'registry_changes')`);
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

describe('migrate', () => {
  let url: string;
  const open: DataSource[] = [];
  beforeEach(
    async () => (url = await createDatabase(required('DATABASE_URL'), `test_${crypto.randomUUID()}`)),
  );
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.destroy()));
    await dropDatabase(required('DATABASE_URL'), url);
  });

  async function connect(poolSize = 4): Promise<DataSource> {
    const dataSource = await createDataSource({
      DATABASE_URL: url,
      DATABASE_POOL_SIZE: poolSize,
    }).initialize();
    open.push(dataSource);
    return dataSource;
  }

  it('runs each migration once, and names it', async () => {
    const dataSource = await connect();
    expect(await migrate(dataSource)).toEqual(['Initial1763900000000']);
    expect(await migrate(dataSource)).toEqual([]);
  });

  it('run by several processes at once is done by one of them', async () => {
    const all = await Promise.all([connect(), connect(), connect()]);
    const ran = await Promise.all(all.map(migrate));
    expect(ran.flat()).toEqual(['Initial1763900000000']);
  });

  it('needs no second connection', async () => {
    expect(await migrate(await connect(1))).toHaveLength(1);
  });

  it('is waited for by who needs it', async () => {
    const dataSource = await connect();
    const told: (readonly string[])[] = [];
    const waiting = untilMigrated(dataSource, (pending) => {
      told.push(pending);
      void migrate(dataSource);
    });
    await waiting;
    expect(told).toEqual([['Initial1763900000000']]);
    expect(await migrate(dataSource)).toEqual([]);
    await untilMigrated(dataSource, () => {
      throw new Error('nothing is missing');
    });
  });

  it('can be taken back', async () => {
    const dataSource = await connect();
    await migrate(dataSource);
    await dataSource.undoLastMigration();
    expect(await migrate(dataSource)).toHaveLength(1);
  });
});
