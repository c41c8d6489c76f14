import { inspect } from 'node:util';
import { register } from 'prom-client';
import { testDatabase, type TestDatabase } from '../../../test/kit';
import { createDataSource } from './data-source';
import { inTransaction, sqlOf } from './transaction';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase()));
afterAll(() => database.close());

const insert = `INSERT INTO wabas VALUES ($1, $2) RETURNING waba_id`;
const count = async () => (await sqlOf(database.dataSource)(`SELECT * FROM wabas`)).length;

it('a transaction is kept as a whole or not at all', async () => {
  const failed = inTransaction(database.dataSource, async (sql) => {
    await sql(insert, ['1', 'x']);
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect(await count()).toBe(0);
  await inTransaction(database.dataSource, (sql) => sql(insert, ['1', 'x']));
  expect(await count()).toBe(1);
});

it('every statement answers with its rows', async () => {
  const sql = sqlOf(database.dataSource);
  expect(await sql(insert, ['2', 'y'])).toEqual([{ waba_id: '2' }]);
  expect(await sql(`UPDATE wabas SET name = 'z' WHERE waba_id = $1 RETURNING name`, ['2'])).toEqual([
    { name: 'z' },
  ]);
  expect(await sql(`DELETE FROM wabas WHERE waba_id = $1 RETURNING name`, ['2'])).toEqual([{ name: 'z' }]);
  expect(await sql(`DELETE FROM wabas WHERE waba_id = $1`, ['2'])).toEqual([]);
});

it('an error carries no value of a row, so that it can be logged', async () => {
  const sql = sqlOf(database.dataSource);
  const secret = '+4915100000001';
  await sql(insert, [secret, 'x']);
  const error: unknown = await sql(insert, [secret, 'x']).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: '23505', constraint: 'wabas_pkey' });
  expect(inspect(error, { depth: 9 })).not.toContain(secret);
});

it.each([
  ['that is no number', `SELECT $1::text::integer`, '+49 151 Ann\n    at home'],
  ['that is no time', `SELECT $1::text::timestamptz`, '+49 151 Ann\n    at home'],
  ['that is out of range', `SELECT $1::text::integer`, '4915100000001'],
  ['that is no JSON', `SELECT $1::text::jsonb`, '{"text": +49 151 Ann}'],
])('nor does the message of an error about a value %s', async (_, statement, secret) => {
  const error: unknown = await sqlOf(database.dataSource)(statement, [secret]).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ message: expect.stringMatching(/^refused a value, SQLSTATE 22\w{3}$/) });
  const logged = inspect(error, { depth: 9, showHidden: true });
  for (const part of ['151', 'Ann', 'home']) expect(logged).not.toContain(part);
  expect(logged).toContain('transaction.int.spec.ts');
});

it('the connections of a pool are shown while it is there', async () => {
  const connections = async (state: string) => {
    const text = await register.getSingleMetricAsString('talaria_database_connections');
    return Number(new RegExp(`{state="${state}"} (\\d+)`).exec(text)?.[1]);
  };
  const before = await connections('total');
  const pool = await createDataSource({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: 1 }).initialize();
  await inTransaction(pool, async () => {
    expect(await connections('total')).toBe(before + 1);
    const waits = sqlOf(pool)('SELECT 1');
    expect(await connections('waiting')).toBe(1);
    void waits.catch(() => undefined);
  });
  await sqlOf(pool)('SELECT 1');
  expect(await connections('waiting')).toBe(0);
  expect(await connections('idle')).toBeGreaterThan(0);
  await pool.destroy();
  expect(await connections('total')).toBe(before);
});
