import fc from 'fast-check';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { keepingProducer } from '../../testing/processor';
import { dumpReadModel, emptyReadModel } from '../../testing/read-model';
import { aStatus, aTextMessage, aWebhook } from '../../testing/records';
import { batchesOf, facts, type Telling } from '../../testing/tellings';
import { Consumers } from '../consumers';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase(1)));
afterAll(() => database.close());
beforeEach(() => emptyReadModel(database.dataSource));

function run() {
  const producer = keepingProducer();
  const consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
  return {
    ids: () => producer.sent.map((record) => record.headers!.ce_id!).sort(),
    project: async (telling: Telling, partition: number) => {
      for (const batch of batchesOf(telling, partition)) {
        await (batch.topic === 'whatsapp.webhooks' ? consumers.webhooks(batch) : consumers.dispatches(batch));
      }
    },
  };
}

it('what is partly known, in batches so large that it is asked for, gives the rows that small batches give', async () => {
  const small = run();
  await small.project({ records: facts, sizes: [5] }, 0);
  const rows = await dumpReadModel(database.dataSource);
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...facts]),
      fc.shuffledSubarray([...facts], { minLength: facts.length }),
      fc.integer({ min: 20, max: 60 }),
      async (known, all, size) => {
        await emptyReadModel(database.dataSource);
        const large = run();
        await large.project({ records: known, sizes: [7] }, 0);
        await large.project({ records: [...known, ...all], sizes: [size] }, 1);
        expect(await dumpReadModel(database.dataSource)).toEqual(rows);
        expect(large.ids()).toEqual(small.ids());
      },
    ),
    { numRuns: 12 },
  );
}, 180_000);

const people = Array.from({ length: 30 }, (_, index) => ({
  phone: `1650555${1000 + index}`,
  userId: `US.${1000 + index}`,
}));
const told = people.flatMap(({ phone, userId }, index) => [
  aWebhook({
    value: {
      contacts: [{ wa_id: phone, user_id: userId, profile: { name: `Ann ${index}` } }],
      messages: [aTextMessage({ id: `in${index}`, from: phone, from_user_id: userId })],
    },
  }),
  aWebhook({ value: { statuses: [aStatus({ id: `out${index}`, recipient_id: phone })] } }),
]);

/** Where each row lies, and who has written or locked it. */
async function versionsOfRows(): Promise<Record<string, unknown>> {
  const versions: Record<string, unknown> = {};
  for (const table of [
    ...['message_ids', 'messages', 'message_statuses'],
    ...['contact_identities', 'contact_links', 'conversations', 'display_numbers'],
  ])
    versions[table] = await database.dataSource.query(
      `SELECT ctid::text, xmin::text, xmax::text FROM ${table} ORDER BY ctid`,
    );
  return versions;
}

it('a log that is read again writes and locks no row', async () => {
  const { project } = run();
  await project({ records: told, sizes: [60] }, 0);
  const before = await versionsOfRows();
  await project({ records: told, sizes: [60] }, 1);
  expect(await versionsOfRows()).toEqual(before);
});

type Change = { readonly what: string; readonly value: Record<string, unknown>; readonly sql: string };

it.each<Change>([
  {
    what: 'another name of the person',
    value: {
      contacts: [{ wa_id: people[0]!.phone, profile: { name: 'Zoe' } }],
      messages: [aTextMessage({ id: 'in0', from: people[0]!.phone, from_user_id: people[0]!.userId })],
    },
    sql: `SELECT 'Zoe' = name AS is_there FROM contact_identities WHERE identity = '${people[0]!.phone}'`,
  },
  {
    what: 'another identity of the person',
    value: {
      contacts: [{ wa_id: people[0]!.phone, user_id: 'US.77' }],
      messages: [aTextMessage({ id: 'in0', from: people[0]!.phone, from_user_id: 'US.77' })],
    },
    sql: `SELECT contact = '${people[0]!.phone}' AS is_there FROM contact_identities WHERE identity = 'US.77'`,
  },
  {
    what: 'a smaller form of the message',
    value: {
      messages: [
        aTextMessage({ text: 'A', id: 'in0', from: people[0]!.phone, from_user_id: people[0]!.userId }),
      ],
    },
    sql: `SELECT text = 'A' AS is_there FROM messages WHERE wamid = 'in0'`,
  },
  {
    what: 'an earlier time of the status',
    value: { statuses: [aStatus({ id: 'out0', recipient_id: people[0]!.phone, timestamp: '1749416000' })] },
    sql: `SELECT sent_at = to_timestamp(1749416000) AS is_there FROM messages WHERE wamid = 'out0'`,
  },
  {
    what: 'a later message of the person',
    value: {
      messages: [aTextMessage({ id: 'in99', from: people[0]!.phone, timestamp: '1749416387' })],
    },
    sql: `SELECT last_in_at = to_timestamp(1749416387) AS is_there FROM conversations WHERE contact = '${people[0]!.phone}'`,
  },
])('among known records $what is not overlooked', async ({ value, sql }) => {
  const { project } = run();
  await project({ records: told, sizes: [60] }, 0);
  await project({ records: [...told, aWebhook({ value })], sizes: [100] }, 1);
  expect(await database.dataSource.query(sql)).toEqual([{ is_there: true }]);
});
