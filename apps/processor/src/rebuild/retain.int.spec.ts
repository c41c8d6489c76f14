import { topics } from '@talaria/contracts';
import { beginRebuild, monthsBefore, retainMonths } from '@talaria/database';
import { eventually, testDatabase, testKafka, testLogger } from '../../../../test/kit';
import { aDispatch, aStatus, aTextMessage, aWebhook } from '../../testing/records';
import { eventIds, processorTopics, versionsRig, type VersionsRig } from '../../testing/versions';

let rig: VersionsRig;
beforeEach(async () => {
  const [kafka, database] = await Promise.all([testKafka(processorTopics), testDatabase()]);
  rig = await versionsRig({ kafka, database, logger: testLogger });
});
afterEach(() => rig.close());

const query = <Row>(sql: string) => rig.database.dataSource.query<Row[]>(sql);
const secondsOf = (day: string) => String(Date.parse(`${day}T12:00:00Z`) / 1000);
const message = (id: string, day: string) =>
  aWebhook({ value: { messages: [aTextMessage({ id, timestamp: secondsOf(day) })] } });
const status = (id: string, day: string) =>
  aWebhook({ value: { statuses: [aStatus({ id, timestamp: secondsOf(day) })] } });

async function publish(...records: readonly ReturnType<typeof message>[]): Promise<void> {
  for (const { topic, value, headers } of records)
    await rig.producer.send({ topic, key: 'key', value, headers });
}

const column = async (sql: string) => (await query<{ it: string }>(sql)).map(({ it }) => it);
const wamids = (version = 1) => column(`SELECT wamid AS it FROM projection_${version}.messages ORDER BY 1`);
const tables = (version = 1) =>
  column(
    `SELECT relname AS it FROM pg_class WHERE relnamespace = 'projection_${version}'::regnamespace AND relkind = 'r'
     AND relname ~ '^messages_[0-9]' ORDER BY 1`,
  );
const attached = (version = 1) =>
  column(`SELECT inhrelid::regclass::text AS it FROM pg_inherits
          WHERE inhparent = 'projection_${version}.messages'::regclass ORDER BY 1`);
const untilProjected = (expected: readonly string[], version?: number) =>
  eventually(async () => expect(await wamids(version)).toEqual(expected));

it('months before are detached in every version, and late facts of them are let go while the rest goes on', async () => {
  const versions = rig.start();
  await publish(
    message('june', '2026-06-10'),
    message('july', '2026-07-10'),
    message('august', '2026-08-10'),
    aDispatch({ state: 'accepted', time: '2026-06-10T10:00:00.000Z', data: { wamid: 'sent-june' } }),
  );
  await untilProjected(['august', 'july', 'june', 'sent-june']);
  await beginRebuild(rig.database.dataSource);
  await untilProjected(['august', 'july', 'june', 'sent-june'], 2);

  const would = await retainMonths(rig.database.dataSource, '2026-07-01', { dryRun: true });
  expect(await wamids()).toHaveLength(4);
  const done = await retainMonths(rig.database.dataSource, '2026-07-01');
  expect(done).toEqual(would);
  expect(done.keptFrom).toBe('2026-07-01');
  expect(done.versions).toMatchObject([
    { version: 1, dropped: [], messageIds: 2, commands: 1 },
    { version: 2, dropped: [], messageIds: 2, commands: 1 },
  ]);
  expect(done.versions[0]?.detached).toContain('messages_2026_06');
  for (const version of [1, 2]) {
    expect(await wamids(version)).toEqual(['august', 'july']);
    expect(await tables(version)).toEqual(['messages_2026_06', 'messages_2026_07', 'messages_2026_08']);
  }

  const told = (await eventIds(rig)).length;
  await publish(
    status('june', '2026-06-20'),
    message('june again', '2026-06-20'),
    message('may', '2026-05-10'),
    status('june', '2026-08-01'),
    message('last', '2026-08-11'),
  );
  // What is told in a kept month of a message that is gone, is kept.
  for (const version of [1, 2]) await untilProjected(['august', 'july', 'june', 'last'], version);
  expect(await eventIds(rig)).toHaveLength(told + 2);
  expect(await query('SELECT * FROM projection_1.skipped_records')).toEqual([]);
  expect(await rig.kafka.readAll(topics.webhooksDlq.name)).toEqual([]);
  expect(versions.fault()).toBeUndefined();
  expect(await tables()).not.toContain('messages_2026_05');
}, 60_000);

it('with drop the tables are gone, those that were detached earlier included, and nothing is taken back', async () => {
  rig.start();
  await publish(
    message('june', '2026-06-10'),
    message('july', '2026-07-10'),
    message('august', '2026-08-10'),
  );
  await untilProjected(['august', 'july', 'june']);
  await retainMonths(rig.database.dataSource, '2026-07-01');
  const { versions } = await retainMonths(rig.database.dataSource, '2026-08-01', { drop: true });
  expect(versions[0]?.dropped).toEqual(expect.arrayContaining(['messages_2026_06', 'messages_2026_07']));
  expect(await tables()).toEqual(['messages_2026_08']);
  expect(await retainMonths(rig.database.dataSource, '2026-01-01', { drop: true })).toMatchObject({
    keptFrom: '2026-08-01',
    versions: [{ detached: [], dropped: [] }],
  });
}, 60_000);

it('a detaching that was interrupted is ended', async () => {
  rig.start();
  await publish(message('june', '2026-06-10'), message('august', '2026-08-10'));
  await untilProjected(['august', 'june']);
  const reader = rig.database.dataSource.createQueryRunner();
  const detacher = rig.database.dataSource.createQueryRunner();
  await reader.startTransaction();
  await reader.query('SELECT * FROM projection_1.messages');
  // It waits for the reader, and is ended there.
  await detacher.query(`SET statement_timeout = '300ms'`);
  await expect(
    detacher.query(
      'ALTER TABLE projection_1.messages DETACH PARTITION projection_1.messages_2026_06 CONCURRENTLY',
    ),
  ).rejects.toThrow('statement timeout');
  await detacher.query('RESET statement_timeout');
  await detacher.release();
  await reader.rollbackTransaction();
  await reader.release();
  await retainMonths(rig.database.dataSource, '2026-07-01');
  expect(await attached()).toEqual(['projection_1.messages_2026_08']);
}, 60_000);

it('while facts of let-go months and of others flow, months can be let go', async () => {
  rig.start();
  let stopping = false;
  let published = 0;
  const sending = (async () => {
    for (; !stopping; published++) {
      const day = published % 2 === 0 ? '2026-06-10' : '2026-08-10';
      await publish(message(`wamid.${published}`, day), status(`wamid.${published}`, day));
    }
  })();
  await eventually(async () => expect((await wamids()).length).toBeGreaterThan(20));
  await retainMonths(rig.database.dataSource, '2026-07-01', { drop: true });
  const until = published + 40;
  await eventually(() => expect(published).toBeGreaterThan(until));
  stopping = true;
  await sending;
  const odd = Array.from({ length: published }, (_, index) => index).filter((index) => index % 2 === 1);
  await untilProjected(odd.map((index) => `wamid.${index}`).sort());
  expect(await query(`SELECT FROM projection_1.message_ids WHERE month < '2026-07-01'`)).toEqual([]);
  expect(await rig.kafka.readAll(topics.webhooksDlq.name)).toEqual([]);
}, 60_000);

it('counts months in UTC, across years', () => {
  expect(monthsBefore(3, new Date('2026-02-28T23:59:00Z'))).toBe('2025-11-01');
  expect(monthsBefore(1, new Date('2026-03-31T00:00:00Z'))).toBe('2026-02-01');
});
