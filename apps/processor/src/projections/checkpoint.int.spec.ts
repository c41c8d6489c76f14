import { topics } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { Consumers } from '../consumers';
import { keepingProducer } from '../../testing/processor';
import { emptyReadModel } from '../../testing/read-model';
import { aBatch, aTextMessage, aWebhook } from '../../testing/records';
import { nothingNew, projectBatch, type Projection } from './project-batch';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase(1)));
afterAll(() => database.close());

let consumers: Consumers;
let producer: ReturnType<typeof keepingProducer>;
beforeEach(async () => {
  await emptyReadModel(database.dataSource);
  producer = keepingProducer();
  consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
});

const message = (id: string) => aWebhook({ value: { messages: [aTextMessage({ id })] } });
const wamids = async () => {
  const rows = await database.dataSource.query<{ wamid: string }[]>('SELECT wamid FROM messages ORDER BY 1');
  return rows.map(({ wamid }) => wamid);
};
const checkpoints = () => database.dataSource.query('SELECT * FROM projection_checkpoints ORDER BY 1, 2');

it('moves with the rows, past the last record of the batch', async () => {
  const done: number[] = [];
  const batch = aBatch([message('a'), message('b')], {
    firstOffset: 41,
    done: (offset) => done.push(offset),
  });
  await consumers.webhooks(batch);
  expect(await checkpoints()).toEqual([
    { topic: topics.webhooks.name, partition: 0, next_offset: '43', publish_from: '0' },
  ]);
  expect(await wamids()).toEqual(['a', 'b']);
  expect(done).toEqual([41, 42]);
});

it('lets the same batch through once', async () => {
  const batch = aBatch([message('a'), message('b')]);
  await consumers.webhooks(batch);
  await database.dataSource.query('DELETE FROM messages');
  await consumers.webhooks(batch);
  expect(await wamids()).toEqual([]);
  expect(producer.sent).toHaveLength(2);
});

it('of a batch that is known in part lets the rest through', async () => {
  await consumers.webhooks(aBatch([message('a'), message('b')]));
  await database.dataSource.query('DELETE FROM messages');
  await consumers.webhooks(aBatch([message('a'), message('b'), message('c')]));
  expect(await wamids()).toEqual(['c']);
});

it('skips the batch of an owner that the new owner has passed, and never goes back', async () => {
  const stale = aBatch([message('a')], { firstOffset: 1, highWatermark: 9 });
  await consumers.webhooks(aBatch([message('b')], { firstOffset: 8 }));
  await consumers.webhooks(stale);
  expect(await wamids()).toEqual(['b']);
  expect(await checkpoints()).toMatchObject([{ next_offset: '9' }]);
});

it('skips it also when that owner knows an older end of the log, if it knows that the partition is lost', async () => {
  await consumers.webhooks(aBatch([message('b')], { firstOffset: 8 }));
  await consumers.webhooks(
    aBatch([message('a')], { firstOffset: 1, highWatermark: 2, lost: AbortSignal.abort() }),
  );
  expect(await wamids()).toEqual(['b']);
});

it('lets one of many owners at once project a record', async () => {
  const written: number[] = [];
  const projection: Projection<number> = {
    translate: ({ offset }) => offset,
    monthsOf: () => [],
    write: (_sql, rows) => {
      written.push(...rows);
      return Promise.resolve(nothingNew);
    },
  };
  const dependencies = { dataSource: database.dataSource, producer, logger: testLogger };
  for (let firstOffset = 0; firstOffset < 100; firstOffset += 5) {
    const batch = aBatch(Array<KafkaRecord>(5).fill(message('a')), { firstOffset });
    await Promise.all(Array.from({ length: 8 }, () => projectBatch(dependencies, projection, batch)));
  }
  expect(written).toEqual(Array.from({ length: 100 }, (_, offset) => offset));
});

it('is of one partition of one topic', async () => {
  await consumers.webhooks(aBatch([message('a')]));
  await consumers.webhooks(aBatch([message('b')], { partition: 1 }));
  expect(await wamids()).toEqual(['a', 'b']);
});

it('beyond the end of the log stops the projection with an error that says what to do', async () => {
  await consumers.webhooks(aBatch([message('a')], { firstOffset: 500 }));
  await expect(consumers.webhooks(aBatch([message('b')]))).rejects.toThrow(
    /whatsapp\.webhooks\/0 is projected up to 501, but it ends at 1.*DATABASE_URL.*delete this checkpoint/s,
  );
  expect(await wamids()).toEqual(['a']);
});
