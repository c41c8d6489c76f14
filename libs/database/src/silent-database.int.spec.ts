import { eventually, silenceable, testDatabase, type TestDatabase } from '../../../test/kit';
import { createDataSource } from './data-source';
import { classifyDatabaseError } from './errors';
import { inTransaction, sqlOf } from './transaction';
import { watchAnswers } from './watch-answers';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase()));
afterAll(() => database.close());

/** A pool of one connection to a database behind something that may swallow every byte without a word. */
async function aPool(silenceMs: number) {
  const way = await silenceable(database.url);
  const config = { DATABASE_URL: way.url, DATABASE_POOL_SIZE: 1 };
  const dataSource = await createDataSource(config, undefined, silenceMs).initialize();
  const close = async () => {
    await dataSource.destroy();
    way.close();
  };
  return { way, dataSource, sql: sqlOf(dataSource), close };
}

const failureOf = (work: Promise<unknown>) => work.then(() => undefined, classifyDatabaseError);

it('a statement to a database that has gone silent fails, and the next one does not wait behind it', async () => {
  const { way, sql, close } = await aPool(2000);
  await sql('SELECT 1');
  way.silence();
  expect(await failureOf(sql('SELECT 2'))).toBe('unavailable');
  way.speak();
  expect(await sql('SELECT 3 AS three')).toEqual([{ three: 3 }]);
  await close();
});

it('one that has gone silent counts as away after 3 s, and at once no more when it answers', async () => {
  const { way, sql, close } = await aPool(2000);
  const answers = watchAnswers(sql);
  expect(answers.fault()).toBeUndefined();
  way.silence();
  await eventually(() => expect(answers.fault()).toMatch(/^has not answered for \d+ s$/));
  way.speak();
  await eventually(() => expect(answers.fault()).toBeUndefined());
  answers.close();
  await close();
});

it('so does a transaction', async () => {
  const { way, dataSource, sql, close } = await aPool(2000);
  const work = inTransaction(dataSource, async (inside) => {
    await inside('SELECT 1');
    way.silence();
    await inside('SELECT 2');
  });
  expect(await failureOf(work)).toBe('unavailable');
  way.speak();
  expect(await sql('SELECT 3 AS three')).toEqual([{ three: 3 }]);
  await close();
});

it('what was on its way to a database that has gone silent does not arrive when it is heard again', async () => {
  const { way, sql, close } = await aPool(2000);
  await sql('CREATE TABLE arrived (n integer)');
  way.silence();
  expect(await failureOf(sql('INSERT INTO arrived VALUES (1)'))).toBe('unavailable');
  way.speak();
  await sql('INSERT INTO arrived VALUES (2)');
  expect(await sql('SELECT n FROM arrived')).toEqual([{ n: 2 }]);
  await close();
});

it('a statement that takes longer is waited for by those who ask for it', async () => {
  const { sql, close } = await aPool(0);
  expect(await sql('SELECT 1 AS one FROM pg_sleep(0.5)')).toEqual([{ one: 1 }]);
  await close();
  const impatient = await aPool(1500);
  expect(await failureOf(impatient.sql('SELECT FROM pg_sleep(3)'))).toBe('unavailable');
  await impatient.close();
});
