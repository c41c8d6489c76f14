import { type DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { eventually, required } from '../../../test/kit';
import { createDatabase, dropDatabase } from '../../../tools/platform/database';
import { createDataSource } from './data-source';
import { migrate, MigrationWaitError, NewerSchemaError, readMigrations, untilMigrated } from './migrate';

const INITIAL = 'Initial1763900000000';

/** Of the release after this one. */
class Later1999000000000 implements MigrationInterface {
  up = (runner: QueryRunner): Promise<void> =>
    runner.query(`CREATE TABLE later (); UPDATE oldest_program SET migration = '${INITIAL}'`);
  down = (runner: QueryRunner): Promise<void> => runner.query('DROP TABLE later');
}

/** Like a process that is killed: its connection is gone when it has done a half. */
class Killed1999000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE half ()');
    await runner.query('SELECT pg_terminate_backend(pg_backend_pid())');
  }
  down = (): Promise<void> => Promise.resolve();
}

let url: string;
const open: DataSource[] = [];
beforeEach(async () => (url = await createDatabase(required('DATABASE_URL'), `test_${crypto.randomUUID()}`)));
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.destroy()));
  await dropDatabase(required('DATABASE_URL'), url);
});

/** @param more migrations that only this program knows */
async function connect(poolSize = 4, more: (new () => MigrationInterface)[] = []): Promise<DataSource> {
  const dataSource = createDataSource({ DATABASE_URL: url, DATABASE_POOL_SIZE: poolSize });
  const migrations = [...(dataSource.options.migrations as (new () => MigrationInterface)[]), ...more];
  open.push(await dataSource.setOptions({ migrations }).initialize());
  return dataSource;
}

it('runs each migration once, and names it', async () => {
  const dataSource = await connect();
  expect(await migrate(dataSource)).toEqual([INITIAL]);
  expect(await migrate(dataSource)).toEqual([]);
});

it('run by ten at once is done by one of them, and each of the others says that it waits', async () => {
  const all = await Promise.all(Array.from({ length: 10 }, () => connect(1)));
  const said: string[] = [];
  const ran = await Promise.all(all.map((one) => migrate(one, { say: (line) => said.push(line) })));
  expect(ran.flat()).toEqual([INITIAL]);
  expect(said.length).toBeGreaterThan(0);
  for (const line of said) expect(line).toContain('Another process migrates this database');
});

it('does not wait for another for longer than it may, nor for who holds a table', async () => {
  const [holder, dataSource] = [await connect(1), await connect(1, [Later1999000000000])];
  const held = holder.createQueryRunner();
  await held.startTransaction();
  await held.query('SELECT pg_advisory_xact_lock(7460311)');
  const late = migrate(dataSource, { waitMs: 50 });
  await expect(late).rejects.toThrow(MigrationWaitError);
  await expect(late).rejects.toThrow('migrating for more than 0.05 s. Nothing was changed');
  await held.rollbackTransaction();

  expect(await migrate(await connect(1))).toEqual([INITIAL]);
  await held.startTransaction();
  await held.query('SELECT * FROM oldest_program FOR UPDATE');
  await expect(migrate(dataSource)).rejects.toThrow('a transaction has held a table for more than 5 s');
  await held.rollbackTransaction();
  await held.release();
  expect((await readMigrations(dataSource)).pending).toEqual(['Later1999000000000']);
}, 20_000);

it('killed halfway leaves nothing of it behind, and is done again', async () => {
  const killed = await connect(1, [Later1999000000000, Killed1999000000001]);
  await expect(migrate(killed)).rejects.toThrow();
  const dataSource = await connect(1, [Later1999000000000]);
  const tables = () =>
    dataSource.query<{ name: string }[]>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace`,
    );
  await eventually(async () => expect(await tables()).toEqual([]));
  expect(await migrate(dataSource)).toEqual([INITIAL, 'Later1999000000000']);
});

it('changes nothing of a schema that a newer release has migrated; a program works with it while it may', async () => {
  const [older, newer] = [await connect(1), await connect(1, [Later1999000000000])];
  await migrate(newer);
  await expect(migrate(older)).rejects.toThrow(NewerSchemaError);
  await expect(migrate(older)).rejects.toThrow(
    /newer than this release: it does not know Later1999000000000\. Nothing was changed\. Services of this release may work with it/,
  );
  await untilMigrated(older, fail);
  await untilMigrated(newer, fail);

  // A later release has taken away what the older one needs.
  await newer.query(`UPDATE oldest_program SET migration = 'Later1999000000000'`);
  await expect(untilMigrated(older, fail)).rejects.toThrow(
    'too new for this release: it is for releases that know Later1999000000000',
  );
  await expect(migrate(older)).rejects.toThrow('Use the release that has migrated it');
  await untilMigrated(newer, fail);
  expect(await readMigrations(older)).toEqual({
    applied: [INITIAL, 'Later1999000000000'],
    pending: [],
    unknown: ['Later1999000000000'],
    oldest: 'Later1999000000000',
    suits: false,
  });
});

it('is waited for by who needs it', async () => {
  const dataSource = await connect();
  const told: (readonly string[])[] = [];
  await untilMigrated(dataSource, (pending) => {
    told.push(pending);
    void migrate(dataSource);
  });
  expect(told).toEqual([[INITIAL]]);
  await untilMigrated(dataSource, fail);
});

it('can be taken back', async () => {
  const dataSource = await connect();
  await migrate(dataSource);
  await dataSource.undoLastMigration();
  expect(await migrate(dataSource)).toHaveLength(1);
});

function fail(): never {
  throw new Error('nothing is missing');
}
