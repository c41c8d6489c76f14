import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { eventually, testDatabase, type TestDatabase } from '../../../test/kit';
import { openLink, placeOf, urlBy } from '../../../tools/chaos/surroundings/link';
import { createDataSource } from './data-source';
import { classifyDatabaseError } from './errors';
import { inTransaction, sqlOf } from './transaction';
import { watchAnswers } from './watch-answers';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase()));
afterAll(() => database.close());

/** A pool of one connection to a database behind something that may swallow every byte without a word. */
async function aPool(silenceMs: number) {
  const link = await openLink({ name: 'postgres', port: 0, to: placeOf(database.url) });
  const config = { DATABASE_URL: urlBy(link, database.url), DATABASE_POOL_SIZE: 1 };
  const dataSource = await createDataSource(config, undefined, silenceMs).initialize();
  const close = async () => {
    await dataSource.destroy();
    await link.close();
  };
  const silence = () => link.hurt({ kind: 'half-open', direction: 'both' });
  return { silence, speak: () => link.heal(), dataSource, sql: sqlOf(dataSource), close };
}

const failureOf = (work: Promise<unknown>) => work.then(() => undefined, classifyDatabaseError);

it('a statement to a database that has gone silent fails, and the next one does not wait behind it', async () => {
  const { silence, speak, sql, close } = await aPool(2000);
  await sql('SELECT 1');
  silence();
  expect(await failureOf(sql('SELECT 2'))).toBe('unavailable');
  speak();
  expect(await sql('SELECT 3 AS three')).toEqual([{ three: 3 }]);
  await close();
});

it('one that has gone silent counts as away after 3 s, and at once no more when it answers', async () => {
  const { silence, speak, sql, close } = await aPool(2000);
  const answers = watchAnswers(sql);
  expect(answers.fault()).toBeUndefined();
  silence();
  await eventually(() => expect(answers.fault()).toMatch(/^has not answered for \d+ s$/));
  speak();
  await eventually(() => expect(answers.fault()).toBeUndefined());
  answers.close();
  await close();
});

it('so does a transaction', async () => {
  const { silence, speak, dataSource, sql, close } = await aPool(2000);
  const work = inTransaction(dataSource, async (inside) => {
    await inside('SELECT 1');
    silence();
    await inside('SELECT 2');
  });
  expect(await failureOf(work)).toBe('unavailable');
  speak();
  expect(await sql('SELECT 3 AS three')).toEqual([{ three: 3 }]);
  await close();
});

it('what was on its way to a database that has gone silent does not arrive when it is heard again', async () => {
  const { silence, speak, sql, close } = await aPool(2000);
  await sql('CREATE TABLE arrived (n integer)');
  silence();
  expect(await failureOf(sql('INSERT INTO arrived VALUES (1)'))).toBe('unavailable');
  speak();
  await sql('INSERT INTO arrived VALUES (2)');
  expect(await sql('SELECT n FROM arrived')).toEqual([{ n: 2 }]);
  await close();
});

/** A way to the database which, once told to, lets no new connection through before the server has ended it: then all at once. */
async function openHasty(url: string) {
  const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
  const admin = sqlOf(database.dataSource);
  let isEnding = false;
  const proxy = createServer((client) => {
    const server = connect(placeOf(url));
    const held: Buffer[] = [];
    client.on('error', () => undefined).pipe(server.on('error', () => undefined));
    server.on('data', (bytes) => {
      const isFirstHeld = held.length === 0 && isEnding && bytes.includes(READY);
      if (isFirstHeld || held.length > 0) held.push(bytes);
      else client.write(bytes);
      if (isFirstHeld)
        void admin('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port = $1', [
          server.localPort,
        ]);
    });
    server.on('close', () => client.end(Buffer.concat(held)));
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    port: (proxy.address() as AddressInfo).port,
    ending: (is: boolean) => (isEnding = is),
    close: () => proxy.close(),
  };
}

it('a connection that is ended in the moment it stands ends no process, and fails the statement that it was for', async () => {
  const proxy = await openHasty(database.url);
  const config = {
    DATABASE_URL: urlBy({ address: `127.0.0.1:${proxy.port}` }, database.url),
    DATABASE_POOL_SIZE: 2,
  };
  const dataSource = await createDataSource(config).initialize();
  const sql = sqlOf(dataSource);
  const busy = sql('SELECT 1 AS one FROM pg_sleep(5)');
  proxy.ending(true);
  expect(await failureOf(sql('SELECT 2'))).toBe('unavailable');
  proxy.ending(false);
  expect(await sql('SELECT 3 AS three')).toEqual([{ three: 3 }]);
  expect(await busy).toEqual([{ one: 1 }]);
  await dataSource.destroy();
  proxy.close();
});

it('a statement that takes longer is waited for by those who ask for it', async () => {
  const { sql, close } = await aPool(0);
  expect(await sql('SELECT 1 AS one FROM pg_sleep(0.5)')).toEqual([{ one: 1 }]);
  await close();
  const impatient = await aPool(1500);
  expect(await failureOf(impatient.sql('SELECT FROM pg_sleep(3)'))).toBe('unavailable');
  await impatient.close();
});
