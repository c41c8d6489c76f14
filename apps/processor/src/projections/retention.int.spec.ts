import { type KafkaRecord } from '@talaria/kafka';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { Consumers } from '../consumers';
import { keepingProducer } from '../../testing/processor';
import { emptyReadModel } from '../../testing/read-model';
import { aBatch, aDispatch, aStatus, aTextMessage, aWebhook, PHONE, SECONDS } from '../../testing/records';

const JANUARY = String(Date.UTC(2025, 0, 10) / 1000);

let database: TestDatabase;
let consumers: Consumers;
let producer: ReturnType<typeof keepingProducer>;
let offset: number;
beforeEach(async () => {
  database = await testDatabase(1);
  producer = keepingProducer();
  consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
  offset = 0;
});
afterEach(() => database.close());

async function project(...records: KafkaRecord[]): Promise<void> {
  await consumers.webhooks(aBatch(records, { firstOffset: offset }));
  offset += records.length;
}

const rows = (text: string) => database.dataSource.query<Record<string, unknown>[]>(text);
const keepFrom = (month: string) => rows(`UPDATE public.projection_retention SET kept_from = '${month}'`);
const message = (fields: object) => aWebhook({ value: { messages: [aTextMessage({ ...fields })] } });
const status = (fields: object) => aWebhook({ value: { statuses: [aStatus({ ...fields })] } });

it('what happened in months that were let go is let go, and makes no partition', async () => {
  await keepFrom('2025-06-01');
  await project(message({ id: 'wamid.old', timestamp: JANUARY }), message({ id: 'wamid.new' }));
  expect(await rows('SELECT wamid FROM messages')).toEqual([{ wamid: 'wamid.new' }]);
  expect(await rows(`SELECT to_regclass('messages_2025_01') AS old`)).toEqual([{ old: null }]);
});

it('a change of which nobody told a time is kept and told, whatever was let go', async () => {
  await keepFrom('2025-06-01');
  await project(aWebhook({ field: 'account_update', value: { event: 'X' } }));
  expect(await rows('SELECT field, changed_at FROM account_changes')).toEqual([
    { field: 'account_update', changed_at: null },
  ]);
  expect(producer.sent).toHaveLength(1);
});

it('a late status of a message whose month was let go begins a row of its own', async () => {
  await project(message({ id: 'wamid.out', timestamp: JANUARY }));
  await keepFrom('2025-02-01');
  await rows('ALTER TABLE messages DETACH PARTITION messages_2025_01');
  await project(status({ timestamp: String(SECONDS), status: 'read' }));
  expect(await rows('SELECT month::text, status FROM messages')).toEqual([
    { month: '2025-06-01', status: 'read' },
  ]);
});

it('a partition that somebody took away is made again', async () => {
  await project(message({ id: 'wamid.a' }));
  await rows('DROP TABLE messages_2025_06');
  await project(message({ id: 'wamid.b' }));
  expect(await rows('SELECT wamid FROM messages')).toEqual([{ wamid: 'wamid.b' }]);
});

it('who is who does not depend on what is kept', async () => {
  const dispatched = aDispatch({
    state: 'accepted',
    time: '2025-01-10T00:00:00Z',
    data: { wamid: 'wamid.out', to: '+551187654321', waId: '5511987654321' },
  });
  const known = async () => {
    await consumers.dispatches(aBatch([dispatched], { topic: 'whatsapp.dispatches' }));
    await project(message({ id: 'wamid.old', timestamp: JANUARY, from: PHONE, from_user_id: 'US.1' }));
    return [
      await rows('SELECT contact, identities FROM contacts ORDER BY 1'),
      await rows('SELECT contact, last_out_at, last_in_at FROM conversations ORDER BY 1'),
      await rows('SELECT command_id, state FROM commands'),
    ];
  };
  const before = await known();
  await emptyReadModel(database.dataSource);
  offset = 0;
  await keepFrom('2025-06-01');
  expect(await known()).toEqual(before);
});
