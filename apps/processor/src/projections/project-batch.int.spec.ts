import { headers, topics } from '@talaria/contracts';
import { type Sql } from '@talaria/database';
import { type KafkaRecord, NotWrittenError, type VerifiedProducer } from '@talaria/kafka';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { Consumers } from '../consumers';
import { keepingProducer } from '../../testing/processor';
import { emptyReadModel } from '../../testing/read-model';
import { aBatch, aNotification, aRecord, aTextMessage, aWebhook } from '../../testing/records';
import { nothingNew, projectBatch, type Projection } from './project-batch';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase(1)));
afterAll(() => database.close());
beforeEach(() => emptyReadModel(database.dataSource));

const message = (id: string) => aWebhook({ value: { messages: [aTextMessage({ id })] } });
const wamids = async () => {
  const rows = await database.dataSource.query<{ wamid: string }[]>('SELECT wamid FROM messages ORDER BY 1');
  return rows.map(({ wamid }) => wamid);
};
const dependenciesWith = (producer: VerifiedProducer) => ({
  dataSource: database.dataSource,
  producer,
  logger: testLogger,
});

/** Resolves for all when `count` have arrived; afterwards at once. */
function aBarrier(count: number): () => Promise<void> {
  let open: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return () => {
    if (--count <= 0) open();
    return opened;
  };
}

it('two transactions that lock each other out are both finished', async () => {
  const dependencies = dependenciesWith(keepingProducer());
  const both = aBarrier(2);
  let tries = 0;
  const touch = (sql: Sql, name: string) =>
    sql(
      `INSERT INTO public.wabas AS wabas VALUES ($1, '1') ON CONFLICT (waba_id) DO UPDATE SET name = wabas.name || '1'`,
      [name],
    );
  const inOrder = (first: string, second: string): Projection<string> => ({
    translate: () => 'row',
    monthsOf: () => [],
    async write(sql) {
      tries++;
      await touch(sql, first);
      await both();
      await touch(sql, second);
      return nothingNew;
    },
  });
  await Promise.all([
    projectBatch(dependencies, inOrder('a', 'b'), aBatch([aRecord()], { partition: 0 })),
    projectBatch(dependencies, inOrder('b', 'a'), aBatch([aRecord()], { partition: 1 })),
  ]);
  expect(tries).toBe(3);
  expect(await database.dataSource.query('SELECT waba_id, name FROM public.wabas ORDER BY 1')).toEqual([
    { waba_id: 'a', name: '11' },
    { waba_id: 'b', name: '11' },
  ]);
  await database.dataSource.query('DELETE FROM public.wabas');
});

it('a record that breaks its translation goes to the dead letters alone', async () => {
  const producer = keepingProducer();
  const records = ['a', 'b', 'c'].map((key) => aRecord({ key: Buffer.from(key) }));
  const written: string[] = [];
  const projection: Projection<KafkaRecord> = {
    translate(record) {
      if (record.offset === 1) throw new TypeError('text of a person');
      return record;
    },
    monthsOf: () => [],
    write: (_sql, rows) => {
      written.push(...rows.map(({ key }) => String(key)));
      return Promise.resolve(nothingNew);
    },
  };
  await projectBatch(dependenciesWith(producer), projection, aBatch(records));
  expect(written).toEqual(['a', 'c']);
  expect(producer.sent).toMatchObject([{ key: Buffer.from('b'), headers: { [headers.dlqCause]: 'decode' } }]);
  expect(producer.sent[0]?.headers?.[headers.errorMessage]).toBe('its translation failed: TypeError');
});

it('a record whose event the broker refuses for its size goes to the dead letters alone', async () => {
  const producer = keepingProducer();
  const refusing: VerifiedProducer = {
    ...producer,
    send: (record) =>
      record.topic === topics.events.name && record.headers?.ce_id?.endsWith('/large') === true
        ? Promise.reject(new NotWrittenError('refused', 'the broker refuses a record of this size'))
        : producer.send(record),
  };
  const large = message('large');
  await new Consumers(dependenciesWith(refusing)).webhooks(aBatch([message('a'), large, message('b')]));
  expect(await wamids()).toEqual(['a', 'b']);
  const dead = producer.sent.filter(({ topic }) => topic === topics.webhooksDlq.name);
  expect(dead).toMatchObject([{ value: large.value, headers: { [headers.dlqCause]: 'data' } }]);
});

it('a record nested however deeply is told byte for byte', async () => {
  const producer = keepingProducer();
  const [before, after] = JSON.stringify(
    aNotification({ value: { messages: [aTextMessage({ deep: '!' })] } }),
  ).split('"!"');
  const nested = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
  const value = Buffer.from(`${before}${nested}${after}`);
  const deep = aRecord({ value });
  await new Consumers(dependenciesWith(producer)).webhooks(aBatch([message('a'), deep, message('b')]));
  expect(await wamids()).toEqual(['a', 'b', 'wamid.text']);
  expect(producer.sent.filter(({ topic }) => topic === topics.webhooksDlq.name)).toEqual([]);
  expect(producer.sent.some((told) => String(told.value).includes(nested))).toBe(true);
});

it('a fault that is not of the content is thrown, and nothing counts as done', async () => {
  const producer = keepingProducer();
  const done = jest.fn();
  await database.dataSource.query('ALTER TABLE messages RENAME TO away');
  const batch = aBatch([message('a')], { done });
  await expect(new Consumers(dependenciesWith(producer)).webhooks(batch)).rejects.toThrow(
    '"messages" does not exist',
  );
  await database.dataSource.query('ALTER TABLE away RENAME TO messages');
  expect(done).not.toHaveBeenCalled();
  expect(producer.sent).toEqual([]);
  expect(await database.dataSource.query('SELECT * FROM projection_checkpoints')).toEqual([]);
});

it('says of which rows it told, once, and of none that another version tells of', async () => {
  const told: number[] = [];
  const projection: Projection<number> = {
    translate: ({ offset }) => offset,
    monthsOf: () => [],
    write: () => Promise.resolve(nothingNew),
    onTold: (rows) => told.push(...rows),
  };
  const project = (count: number) =>
    projectBatch(
      dependenciesWith(keepingProducer()),
      projection,
      aBatch(Array.from({ length: count }, () => aRecord())),
    );
  await project(2);
  await project(3);
  expect(told).toEqual([0, 1, 2]);
  await database.dataSource.query('UPDATE projection_checkpoints SET publish_from = 4');
  await project(6);
  expect(told).toEqual([0, 1, 2, 4, 5]);
});
