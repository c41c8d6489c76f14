import { topics } from '@talaria/contracts';
import {
  beginRebuild,
  compareProjections,
  listProjections,
  promoteProjection,
  rollBackProjection,
  sqlOf,
} from '@talaria/database';
import { eventually, testDatabase, testKafka, testLogger } from '../../../../test/kit';
import { aTextMessage, aWebhook } from '../../testing/records';
import {
  eventIds,
  processorTopics,
  startTraffic,
  type Traffic,
  versionsRig,
  type VersionsRig,
} from '../../testing/versions';

let rig: VersionsRig;
beforeEach(async () => {
  const [kafka, database] = await Promise.all([testKafka(processorTopics), testDatabase()]);
  rig = await versionsRig({ kafka, database, logger: testLogger });
});
afterEach(() => rig.close());

const query = <Row>(sql: string) => rig.database.dataSource.query<Row[]>(sql);
const states = async () => {
  const all = await listProjections(sqlOf(rig.database.dataSource));
  return Object.fromEntries(all.map(({ version, state }) => [version, state]));
};
const count = async (table: string) =>
  Number((await query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n);
const publishUnreadable = () =>
  rig.producer.send({ topic: topics.webhooks.name, key: 'key', value: 'no webhook' });
const catchUp = () =>
  eventually(async () => {
    const { level, tables } = await compareProjections(rig.database.dataSource, 1, 2);
    expect(level).toBe(true);
    expect(tables.filter(({ equal }) => !equal)).toEqual([]);
  }, 20_000);
const growsBeyond = (traffic: Traffic, size: number) =>
  eventually(() => expect(traffic.due.size).toBeGreaterThan(size));

const untilProjected = (traffic: Traffic) =>
  eventually(async () => expect(await count('message_statuses')).toBe(traffic.due.size / 2));

/** Every event that is due was told, none more than once. */
async function expectToldOnce(traffic: Traffic): Promise<void> {
  await eventually(async () =>
    expect(new Set(await eventIds(rig)).size).toBeGreaterThanOrEqual(traffic.due.size),
  );
  const told = await eventIds(rig);
  const messages = told.filter((id) => traffic.due.has(id));
  expect([...traffic.due].filter((id) => !new Set(messages).has(id))).toEqual([]);
  expect(messages).toHaveLength(traffic.due.size);
}

it('a rebuild while traffic flows becomes the same rows, tells nothing and dead-letters nothing again', async () => {
  rig.start();
  await publishUnreadable();
  const traffic = startTraffic(rig);
  await growsBeyond(traffic, 200);
  await beginRebuild(rig.database.dataSource);
  await growsBeyond(traffic, 400);
  await publishUnreadable();
  await traffic.stop();
  await untilProjected(traffic);
  await catchUp();
  await eventually(async () => expect(await count('projection_2.skipped_records')).toBe(2));
  expect(await count('projection_2.message_statuses')).toBe(traffic.due.size / 2);
  await expectToldOnce(traffic);
  expect(await rig.kafka.readAll(topics.webhooksDlq.name)).toHaveLength(2);
}, 60_000);

it('goes on where it was when the processor ended in the middle of it', async () => {
  const first = rig.start();
  const traffic = startTraffic(rig);
  await growsBeyond(traffic, 600);
  await beginRebuild(rig.database.dataSource);
  await eventually(async () => expect(await count('projection_2.messages')).toBeGreaterThan(0));
  await first.close();
  const done = await count('projection_2.messages');
  await growsBeyond(traffic, 800);
  await traffic.stop();
  rig.start();
  await untilProjected(traffic);
  await catchUp();
  expect(await count('projection_2.messages')).toBeGreaterThan(done);
  await expectToldOnce(traffic);
}, 60_000);

/** Reads the views without pause. @returns what went wrong, when it is stopped */
function readWithoutPause(readers: number): () => Promise<string[]> {
  const faults: string[] = [];
  let stopping = false;
  const read = async () => {
    for (let most = 0; !stopping;) {
      try {
        const [found] = await query<{ n: string }>(
          'SELECT count(*) AS n FROM messages JOIN message_statuses USING (wamid, phone_number_id)',
        );
        const rows = Number(found?.n);
        if (rows < most) faults.push(`${rows} rows after ${most}`);
        most = rows;
      } catch (error) {
        faults.push(String(error));
      }
    }
  };
  const reading = Promise.all(Array.from({ length: readers }, read));
  return async () => {
    stopping = true;
    await reading;
    return faults;
  };
}

it('promoted and rolled back under load, readers see no error and never less, and every event is told once', async () => {
  rig.start();
  const traffic = startTraffic(rig);
  await beginRebuild(rig.database.dataSource);
  await growsBeyond(traffic, 200);
  const stopReading = readWithoutPause(4);
  expect(await promoteProjection(rig.database.dataSource, undefined)).toEqual({ from: 1, to: 2 });
  expect(await states()).toEqual({ 1: 'standby', 2: 'live' });
  await growsBeyond(traffic, traffic.due.size + 100);
  expect(await rollBackProjection(rig.database.dataSource)).toEqual({ from: 2, to: 1 });
  expect(await states()).toEqual({ 1: 'live', 2: 'standby' });
  await growsBeyond(traffic, traffic.due.size + 100);
  expect(await rollBackProjection(rig.database.dataSource)).toEqual({ from: 1, to: 2 });
  await growsBeyond(traffic, traffic.due.size + 100);
  await traffic.stop();
  await untilProjected(traffic);
  expect(await stopReading()).toEqual([]);
  await catchUp();
  await expectToldOnce(traffic);
}, 90_000);

it('a version that has not caught up is not promoted, and everything is as it was', async () => {
  const first = rig.start();
  const traffic = startTraffic(rig);
  await growsBeyond(traffic, 50);
  await traffic.stop();
  await untilProjected(traffic);
  await first.close();
  await beginRebuild(rig.database.dataSource);
  const checkpoints = () => query('SELECT * FROM projection_1.projection_checkpoints ORDER BY 1, 2');
  const before = await checkpoints();
  await expect(promoteProjection(rig.database.dataSource, 2, { catchUpWithinMs: 100 })).rejects.toThrow(
    'nothing was changed: version 2 has not come up to version 1',
  );
  expect(await states()).toEqual({ 1: 'live', 2: 'building' });
  expect(await checkpoints()).toEqual(before);
  expect(await count('message_statuses')).toBe(traffic.due.size / 2);
  rig.start();
  await catchUp();
  await promoteProjection(rig.database.dataSource, 2);
  expect(await states()).toEqual({ 1: 'standby', 2: 'live' });
}, 60_000);

it('a reader that holds a view is waited for; one that never lets go is told of, and nothing is changed', async () => {
  rig.start();
  await beginRebuild(rig.database.dataSource);
  const reader = rig.database.dataSource.createQueryRunner();
  await reader.startTransaction();
  await reader.query('SELECT * FROM commands');
  const said: string[] = [];
  await expect(
    promoteProjection(rig.database.dataSource, 2, { attempts: 2, say: (line) => said.push(line) }),
  ).rejects.toThrow('nothing was changed: readers have held the views for too long, 2 times');
  expect(await states()).toEqual({ 1: 'live', 2: 'building' });
  expect(said).toHaveLength(1);
  const promoted = promoteProjection(rig.database.dataSource, 2, {
    say: () => void reader.rollbackTransaction(),
  });
  expect(await promoted).toEqual({ from: 1, to: 2 });
  await reader.release();
}, 60_000);

it('grants on the views stay with them', async () => {
  await query('GRANT SELECT ON messages TO PUBLIC');
  await beginRebuild(rig.database.dataSource);
  await promoteProjection(rig.database.dataSource, 2);
  expect(
    await query(`SELECT grantee FROM information_schema.role_table_grants
                 WHERE table_schema = 'public' AND table_name = 'messages' AND grantee = 'PUBLIC'`),
  ).toHaveLength(1);
});

it('a version with other columns is shown with them', async () => {
  await beginRebuild(rig.database.dataSource);
  await query('ALTER TABLE projection_2.commands RENAME COLUMN campaign_id TO campaign');
  await promoteProjection(rig.database.dataSource, 2);
  expect(await query('SELECT campaign FROM commands')).toEqual([]);
  await rollBackProjection(rig.database.dataSource);
  expect(await query('SELECT campaign_id FROM commands')).toEqual([]);
});

it('a promotion that cannot be is refused', async () => {
  const { dataSource } = rig.database;
  await expect(promoteProjection(dataSource, undefined)).rejects.toThrow('no version but the live one');
  await expect(promoteProjection(dataSource, 1)).rejects.toThrow('version 1 is live already');
  await expect(promoteProjection(dataSource, 7)).rejects.toThrow('there is no version 7');
  await expect(rollBackProjection(dataSource)).rejects.toThrow('no version that was live before');
});

it('of rows that are not the same, compare names the table and some keys, without phones', async () => {
  rig.start();
  await rig.producer.send({
    topic: topics.webhooks.name,
    key: 'key',
    value: aWebhook({ value: { messages: [aTextMessage({ id: 'a' })] } }).value,
  });
  await beginRebuild(rig.database.dataSource);
  await eventually(async () => expect(await count('projection_2.messages')).toBe(1));
  await catchUp();
  await query(`UPDATE projection_2.messages SET text = 'other'`);
  await query('DELETE FROM projection_2.contact_identities');
  const { tables } = await compareProjections(rig.database.dataSource, 1, 2);
  const different = tables.filter(({ equal }) => !equal);
  expect(different).toMatchObject([
    { table: 'contact_identities', rows: [1, 0], samples: [{ found: 'only in 1' }] },
    { table: 'messages', rows: [1, 1], samples: [{ found: 'not the same' }] },
  ]);
  expect(different[1]?.samples[0]?.key).toContain('106540352242922');
  expect(JSON.stringify(different)).not.toContain('1650555');
}, 40_000);
