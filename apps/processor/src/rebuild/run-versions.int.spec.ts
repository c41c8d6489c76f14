import { projectionGroup, topics } from '@talaria/contracts';
import { beginRebuild, dropProjection } from '@talaria/database';
import { createKafka } from '@talaria/kafka';
import { eventually, testDatabase, testKafka, testLogger } from '../../../../test/kit';
import { eventIds, processorTopics, versionsRig, type VersionsRig } from '../../testing/versions';
import { aTextMessage, aWebhook, NUMBER } from '../../testing/records';

let rig: VersionsRig;
beforeEach(async () => {
  const [kafka, database] = await Promise.all([testKafka(processorTopics), testDatabase()]);
  rig = await versionsRig({ kafka, database, logger: testLogger });
});
afterEach(() => rig.close());

const publish = (id: string) =>
  rig.producer.send({
    topic: topics.webhooks.name,
    key: 'key',
    value: aWebhook({ value: { messages: [aTextMessage({ id })] } }).value,
  });
const query = <Row>(sql: string) => rig.database.dataSource.query<Row[]>(sql);
const wamids = async (version = 1) => {
  const rows = await query<{ wamid: string }>(`SELECT wamid FROM projection_${version}.messages ORDER BY 1`);
  return rows.map(({ wamid }) => wamid);
};
const untilProjected = (expected: readonly string[], version?: number) =>
  eventually(async () => expect(await wamids(version)).toEqual(expected));
const emptyTables = (version = 1) =>
  query(
    `TRUNCATE ${[
      'messages',
      'message_ids',
      'message_statuses',
      'contact_identities',
      'conversations',
      'projection_checkpoints',
    ]
      .map((table) => `projection_${version}.${table}`)
      .join(', ')}`,
  );

async function committed(version = 1): Promise<number> {
  const admin = createKafka(rig.kafka.config, 'spec', testLogger).admin();
  await admin.connect();
  const [found] = await admin.fetchOffsets({
    groupId: rig.kafka.config.KAFKA_PREFIX + projectionGroup(version),
    topics: [rig.kafka.config.KAFKA_PREFIX + topics.webhooks.name],
  });
  await admin.disconnect();
  return Math.max(...found!.partitions.map(({ offset }) => Number(offset)));
}

it('a database that is older than what its group has committed is brought up to date, without new records', async () => {
  const first = rig.start();
  for (const id of ['a', 'b']) await publish(id);
  await untilProjected(['a', 'b']);
  await query('CREATE TABLE backup AS SELECT * FROM projection_1.projection_checkpoints');
  for (const id of ['c', 'd']) await publish(id);
  await untilProjected(['a', 'b', 'c', 'd']);
  await eventually(async () => expect(await committed()).toBe(4));
  await first.close();
  await query(`DELETE FROM projection_1.messages WHERE wamid IN ('c', 'd')`);
  await query(`DELETE FROM projection_1.message_ids WHERE wamid IN ('c', 'd')`);
  await query('DELETE FROM projection_1.projection_checkpoints');
  await query('INSERT INTO projection_1.projection_checkpoints SELECT * FROM backup');

  rig.start();
  await untilProjected(['a', 'b', 'c', 'd']);
  const told = (id: string) => `${NUMBER}/${id}`;
  expect(await eventIds(rig)).toEqual(['a', 'b', 'c', 'd', 'c', 'd'].map(told));
});

it('an empty database under a group that has committed everything is filled from the beginning', async () => {
  const first = rig.start();
  for (const id of ['a', 'b', 'c']) await publish(id);
  await untilProjected(['a', 'b', 'c']);
  await eventually(async () => expect(await committed()).toBe(3));
  await first.close();
  await emptyTables();
  rig.start();
  await untilProjected(['a', 'b', 'c']);
});

it('what is projected and not committed is not projected again', async () => {
  const first = rig.start();
  for (const id of ['a', 'b', 'c']) await publish(id);
  await untilProjected(['a', 'b', 'c']);
  await first.close();
  const admin = createKafka(rig.kafka.config, 'spec', testLogger).admin();
  await admin.connect();
  await admin.deleteGroups([rig.kafka.config.KAFKA_PREFIX + projectionGroup(1)]);
  await admin.disconnect();
  await query('DELETE FROM projection_1.messages');
  rig.start();
  await publish('d');
  await untilProjected(['d']);
  await eventually(async () => expect(await committed()).toBe(4));
});

it('runs a version when it comes, silently, and stops it when it goes', async () => {
  const versions = rig.start();
  expect(versions.notStarted()).toContain('has not seen yet');
  for (const id of ['a', 'b']) await publish(id);
  await untilProjected(['a', 'b']);
  expect(await beginRebuild(rig.database.dataSource)).toEqual({ version: 2, isNew: true });
  expect(await beginRebuild(rig.database.dataSource)).toEqual({ version: 2, isNew: false });
  await untilProjected(['a', 'b'], 2);
  await publish('c');
  await untilProjected(['a', 'b', 'c'], 2);
  expect(await eventIds(rig)).toHaveLength(3);
  const isEmpty = async () => {
    const admin = createKafka(rig.kafka.config, 'spec', testLogger).admin();
    await admin.connect();
    const { groups } = await admin.describeGroups([rig.kafka.config.KAFKA_PREFIX + projectionGroup(2)]);
    await admin.disconnect();
    expect(groups[0]?.members).toEqual([]);
  };
  await dropProjection(rig.database.dataSource, 2, { stopped: () => eventually(isEmpty) });
  expect(await query(`SELECT FROM pg_namespace WHERE nspname = 'projection_2'`)).toEqual([]);
  await publish('d');
  await untilProjected(['a', 'b', 'c', 'd']);
  expect(versions.fault()).toBeUndefined();
  expect(versions.notStarted()).toBeUndefined();
  expect(versions.notReady()).toBeUndefined();
  expect(await beginRebuild(rig.database.dataSource)).toEqual({ version: 2, isNew: true });
  await untilProjected(['a', 'b', 'c', 'd'], 2);
});

it('does not touch a version of another shape, and says what to do when there is none of its own', async () => {
  const versions = rig.start();
  expect(versions.notReady()).toBeDefined();
  await eventually(() => expect(versions.notReady()).toBeUndefined());
  await query('UPDATE projections SET shape = 77');
  await eventually(() => expect(versions.notReady()).toMatch(/shape 1.*talaria projections rebuild/));
  await publish('a');
  await query('UPDATE projections SET shape = 1');
  await untilProjected(['a']);
  expect(versions.notReady()).toBeUndefined();
});

it('the live version cannot be dropped, nor one that there is not', async () => {
  const stopped = () => Promise.resolve();
  await expect(dropProjection(rig.database.dataSource, 1, { stopped })).rejects.toThrow('promote another');
  await expect(dropProjection(rig.database.dataSource, 9, { stopped })).rejects.toThrow('no version 9');
  expect(await wamids()).toEqual([]);
});
