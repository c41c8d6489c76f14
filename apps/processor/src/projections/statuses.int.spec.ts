import { type OutgoingRecord } from '@talaria/kafka';
import { topics } from '@talaria/contracts';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { Consumers } from '../consumers';
import { keepingProducer } from '../../testing/processor';
import {
  aBatch,
  aDispatch,
  aStatus,
  aTextMessage,
  aWebhook,
  NUMBER,
  PHONE,
  SECONDS,
  WABA,
} from '../../testing/records';
import { emptyReadModel } from '../../testing/read-model';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase(1)));
afterAll(() => database.close());

let consumers: Consumers;
let sent: OutgoingRecord[];
let offset = 0;
beforeEach(async () => {
  await emptyReadModel(database.dataSource);
  const producer = keepingProducer();
  sent = producer.sent;
  consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
});

const webhook = (value: Record<string, unknown>) =>
  consumers.webhooks(aBatch([aWebhook({ value })], { firstOffset: offset++ }));
const status = (name: string, seconds = SECONDS, more = {}) =>
  webhook({ statuses: [aStatus({ status: name, timestamp: String(seconds), ...more })] });
const accepted = () =>
  consumers.dispatches(
    aBatch(
      [
        aDispatch({
          state: 'accepted',
          data: {
            wamid: 'wamid.out',
            to: `+${PHONE}`,
            message: { type: 'text', text: { body: 'Your order' } },
          },
        }),
      ],
      { topic: topics.dispatches.name, firstOffset: offset++ },
    ),
  );
const time = (seconds: number) => new Date(seconds * 1000);

async function theMessage(): Promise<Record<string, unknown>> {
  const rows = await database.dataSource.query<Record<string, unknown>[]>('SELECT * FROM messages');
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

it('a status that comes before its message is kept, and joined when the message arrives', async () => {
  await status('delivered', SECONDS, { biz_opaque_callback_data: 'talaria/command-1/1' });
  expect(await theMessage()).toMatchObject({
    phone_number_id: NUMBER,
    wamid: 'wamid.out',
    waba_id: WABA,
    direction: 'outbound',
    contact_phone: PHONE,
    command_id: 'command-1',
    status: 'delivered',
    text: null,
    item: null,
  });
  await accepted();
  expect(await theMessage()).toMatchObject({
    text: 'Your order',
    type: 'text',
    command_id: 'command-1',
    status: 'delivered',
    delivered_at: time(SECONDS),
    accepted_at: new Date('2026-06-01T10:00:00.000Z'),
    message_at: new Date('2026-06-01T10:00:00.000Z'),
  });
});

it.each([
  [['sent', 'delivered', 'read'], 'read'],
  [['read', 'sent'], 'read'],
  [['played', 'delivered', 'sent'], 'played'],
  [['delivered', 'failed'], 'delivered'],
  [['failed', 'delivered'], 'delivered'],
  [['failed', 'read'], 'read'],
  [['sent', 'failed'], 'failed'],
  [['failed', 'sent'], 'failed'],
  [['warning'], null],
])('of the statuses %j the highest wins: %s', async (names, highest) => {
  for (const name of names) await status(name);
  expect(await theMessage()).toMatchObject({ status: highest });
});

it("every status keeps its time, by Meta's clock, and a failure stays beside what was seen", async () => {
  const seen = {
    failed: SECONDS + 9,
    read: SECONDS + 3,
    sent: SECONDS,
    played: SECONDS + 4,
    delivered: SECONDS + 1,
  };
  for (const [name, seconds] of Object.entries(seen)) await status(name, seconds);
  expect(await theMessage()).toMatchObject({
    sent_at: time(SECONDS),
    delivered_at: time(SECONDS + 1),
    read_at: time(SECONDS + 3),
    played_at: time(SECONDS + 4),
    failed_at: time(SECONDS + 9),
    status: 'played',
  });
});

it('one status of several participants is a row for each, and joins with the earliest', async () => {
  await status('read', SECONDS + 5, { recipient_type: 'group', recipient_participant_id: '11' });
  await status('read', SECONDS + 2, { recipient_type: 'group', recipient_participant_id: '22' });
  await status('read', SECONDS + 7, { recipient_type: 'group', recipient_participant_id: '22' });
  const rows = await database.dataSource.query(
    'SELECT participant, status_at FROM message_statuses ORDER BY 1',
  );
  expect(rows).toEqual([
    { participant: '11', status_at: time(SECONDS + 5) },
    { participant: '22', status_at: time(SECONDS + 2) },
  ]);
  expect(await theMessage()).toMatchObject({ read_at: time(SECONDS + 2) });
});

it("a person's message is told although a status of it came first", async () => {
  await status('deleted', SECONDS, { id: 'wamid.in' });
  await webhook({ messages: [aTextMessage({ id: 'wamid.in' })] });
  await webhook({ messages: [aTextMessage({ id: 'wamid.in' })] });
  expect(await theMessage()).toMatchObject({ direction: 'inbound', text: 'Hello' });
  expect(sent.map(({ headers }) => headers?.ce_type)).toEqual([
    'whatsapp.message.status.v1',
    'whatsapp.message.received.v1',
  ]);
});
