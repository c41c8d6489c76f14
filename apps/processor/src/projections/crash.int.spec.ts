import { createDataSource } from '@talaria/database';
import { type RecordBatch } from '@talaria/kafka';
import fc from 'fast-check';
import { type PoolClient } from 'pg';
import { type DataSource } from 'typeorm';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { Consumers } from '../consumers';
import { modelOf, sorted, translate } from '../../testing/model';
import { keepingProducer } from '../../testing/processor';
import { dumpReadModel, emptyReadModel, shownRows } from '../../testing/read-model';
import { aTelling, batchesOf, facts } from '../../testing/tellings';
import { identityEventId, statusEventId } from '../webhooks/events-of';
import { joinRows } from '../webhooks/rows';

let database: TestDatabase;
let fragile: Fragile;
beforeAll(async () => {
  database = await testDatabase(1);
  fragile = await fragileDataSource(database.url);
});
afterAll(async () => {
  await fragile.dataSource.destroy();
  await database.close();
});

type Break = { readonly statement: number; readonly isSent: boolean };
type Fragile = { readonly dataSource: DataSource; breakAt(next: Break | undefined): void };

/** A database whose connection breaks at a statement counted from now: before it is sent, or after, so that nobody knows its outcome. */
async function fragileDataSource(url: string): Promise<Fragile> {
  const dataSource = await createDataSource({ DATABASE_URL: url, DATABASE_POOL_SIZE: 2 }, 1).initialize();
  let planned: Break | undefined;
  let count = 0;
  const { master } = dataSource.driver as unknown as {
    master: { on(event: 'connect', listener: (client: PoolClient) => void): void };
  };
  const watch = (client: PoolClient) => {
    const connection = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
    const query = client.query.bind(client) as (...all: unknown[]) => unknown;
    client.query = ((...all: unknown[]) => {
      const isDue = ++count === planned?.statement;
      if (isDue && !planned?.isSent) connection.stream.destroy();
      const answer = query(...all);
      // After it was written, and before the answer can be read.
      if (isDue && planned?.isSent) setImmediate(() => connection.stream.destroy());
      return answer;
    }) as PoolClient['query'];
  };
  master.on('connect', watch);
  // The one that is there was opened unwatched.
  await dataSource.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
  return {
    dataSource,
    breakAt(next) {
      count = 0;
      planned = next;
    },
  };
}

const aBreak: fc.Arbitrary<Break> = fc.record({
  statement: fc.integer({ min: 1, max: 25 }),
  isSent: fc.boolean(),
});

it('a connection that breaks at any statement, and a batch that then comes again, change neither rows nor events', async () => {
  let broken = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.subarray([...facts], { minLength: 1 }).chain(aTelling),
      fc.array(aBreak, { minLength: 5, maxLength: 5 }),
      async (telling, breaks) => {
        await emptyReadModel(database.dataSource);
        const producer = keepingProducer();
        const consumers = new Consumers({ dataSource: fragile.dataSource, producer, logger: testLogger });
        const left = [...breaks];
        for (const batch of batchesOf(telling, 0)) {
          while (!(await isProjected(consumers, batch, left.shift()))) broken++;
        }
        fragile.breakAt(undefined);
        expect(await shownRows(database.dataSource)).toEqual(
          sorted(modelOf(joinRows(telling.records.map(translate)))),
        );
        const told = new Set(producer.sent.map((record) => record.headers?.ce_id));
        const rows = await dumpReadModel(database.dataSource);
        expect([...told].sort()).toEqual(idsOfFacts(rows));
      },
    ),
    { numRuns: 40 },
  );
  expect(broken).toBeGreaterThan(30);
}, 120_000);

/** As the consumer does: what throws comes again. */
async function isProjected(
  consumers: Consumers,
  batch: RecordBatch,
  plan: Break | undefined,
): Promise<boolean> {
  fragile.breakAt(plan);
  const work = batch.topic === 'whatsapp.webhooks' ? consumers.webhooks(batch) : consumers.dispatches(batch);
  return work.then(
    () => true,
    () => false,
  );
}

/** The ids that events of these rows have. */
function idsOfFacts(rows: Record<string, unknown[]>): string[] {
  const of = (table: string) => (rows[table] ?? []) as Record<string, string | Buffer | null>[];
  const text = String;
  return [
    ...of('messages')
      .filter(({ direction, item }) => direction === 'inbound' && item !== null)
      .map((one) => `${text(one.phone_number_id)}/${text(one.wamid)}`),
    ...of('message_statuses').map(({ phone_number_id: number, wamid, status, participant }) =>
      statusEventId({
        phoneNumberId: text(number),
        wamid: text(wamid),
        status: text(status),
        participant: text(participant),
      }),
    ),
    ...of('account_changes').map(
      (one) => `${text(one.waba_id)}/${(one.change_hash as Buffer).toString('hex')}`,
    ),
    ...of('contact_links').map((one) =>
      identityEventId({ wabaId: text(one.waba_id), one: text(one.one), other: text(one.other) }),
    ),
  ].sort();
}
