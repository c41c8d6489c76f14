import { topics } from '@talaria/contracts';
import fc from 'fast-check';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { Consumers } from '../consumers';
import { modelOf, sorted, translate } from '../../testing/model';
import { keepingProducer } from '../../testing/processor';
import { dumpReadModel, emptyReadModel, shownRows } from '../../testing/read-model';
import { batchesOf, facts, type Telling, twoTellings } from '../../testing/tellings';
import { joinRows } from '../webhooks/rows';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase(1)));
afterAll(() => database.close());

/** Projects into empty tables, each telling on a connection of its own. @returns the rows and the ids of the events */
async function project(tellings: readonly Telling[]) {
  await emptyReadModel(database.dataSource);
  const producer = keepingProducer();
  const consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
  await Promise.all(
    tellings.map(async (telling, partition) => {
      for (const batch of batchesOf(telling, partition)) {
        await (batch.topic === topics.webhooks.name
          ? consumers.webhooks(batch)
          : consumers.dispatches(batch));
      }
    }),
  );
  expect(producer.sent.filter(({ topic }) => topic !== topics.events.name)).toEqual([]);
  return {
    rows: await dumpReadModel(database.dataSource),
    ids: producer.sent.map((record) => record.headers!.ce_id!).sort(),
  };
}

it('any order, any repeats and any batches of the same facts give the same rows, those that the model says, and each event once', async () => {
  await fc.assert(
    fc.asyncProperty(twoTellings, async ([one, other]) => {
      const first = await project([one]);
      const second = await project([other]);
      expect(await shownRows(database.dataSource)).toEqual(
        sorted(modelOf(joinRows(other.records.map(translate)))),
      );
      expect(second).toEqual(first);
      expect(new Set(first.ids).size).toBe(first.ids.length);
    }),
    { numRuns: 50 },
  );
}, 300_000);

it('two owners that write at the same time give the rows that one gives, and no event is missing', async () => {
  await fc.assert(
    fc.asyncProperty(twoTellings, async ([one, other]) => {
      const alone = await project([one]);
      const together = await project([one, other]);
      expect(together.rows).toEqual(alone.rows);
      expect([...new Set(together.ids)]).toEqual(alone.ids);
    }),
    { numRuns: 20 },
  );
}, 180_000);

it('all facts together fill every table', async () => {
  const { rows } = await project([{ records: facts, sizes: [facts.length] }]);
  expect(Object.values(rows).every((some) => some.length > 1)).toBe(true);
});
