import { randomBytes } from 'node:crypto';
import { headers, topics } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { eventually, testDatabase, type TestDatabase, testKafka, type TestKafka } from '../../../../test/kit';
import { runProcessor, type RunningProcessor } from '../../testing/processor';
import { aTextMessage, aWebhook, PHONE } from '../../testing/records';

const partition = 1;
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const message = (id: string, text = 'Hello') =>
  aWebhook({ value: { messages: [aTextMessage({ id, text })] } }).value!;
/** Longer than an index row may be, and not to be compressed below it. */
const longId = `wamid.${randomBytes(1500).toString('hex')}`;
const poison = {
  refused: message('wamid.refused', 'forbidden words'),
  tooLong: message(longId),
  notJson: Buffer.from([0x7b, 0xff, 0x00, 0x22]),
  unreadable: message('wamid.unreadable', 'number Ann 4915100000001'),
};
const good = Array.from({ length: 12 }, (_, index) => message(`wamid.${String(index).padStart(2, '0')}`));

let kafka: TestKafka;
let database: TestDatabase;
let processor: RunningProcessor;
let dead: KafkaRecord[];
const logged: string[] = [];

beforeAll(async () => {
  [kafka, database] = await Promise.all([
    testKafka([topics.webhooks.name, topics.webhooksDlq.name, topics.events.name]),
    testDatabase(1),
  ]);
  await database.dataSource.query(
    `ALTER TABLE messages ADD CONSTRAINT clean_words CHECK (text <> 'forbidden words'),
       ADD CONSTRAINT readable CHECK (CASE WHEN text LIKE 'number %' THEN substr(text, 8)::integer > 0 ELSE true END)`,
  );
  processor = await runProcessor({
    config: kafka.config,
    dataSource: database.dataSource,
    logger: createLogger('spec', 'trace', { write: (line) => void logged.push(line) }),
  });
  const { refused, tooLong, notJson, unreadable } = poison;
  const values = [
    ...good.slice(0, 3),
    refused,
    notJson,
    ...good.slice(3, 9),
    tooLong,
    ...good.slice(9),
    unreadable,
  ];
  await Promise.all(values.map((value) => publish(value)));
  await publish(message('wamid.after'));
  await eventually(async () => expect(await wamids()).toContain('wamid.after'));
  dead = await kafka.readAll(topics.webhooksDlq.name);
}, 60_000);

afterAll(async () => {
  await processor.close();
  await database.close();
  await kafka.close();
});

const publish = (value: Buffer) =>
  processor.producer.send({
    topic: topics.webhooks.name,
    partition,
    key: PHONE,
    value,
    headers: { [headers.deliveryId]: 'delivery-1', traceparent },
  });

async function wamids(): Promise<string[]> {
  const rows = await database.dataSource.query<{ wamid: string }[]>('SELECT wamid FROM messages ORDER BY 1');
  return rows.map(({ wamid }) => wamid);
}

const letterOf = (value: Buffer) => dead.filter((record) => record.value?.equals(value));

it('the others of the batch are written, and the partition goes on', async () => {
  expect(await wamids()).toEqual([
    ...good.map((_, index) => `wamid.${String(index).padStart(2, '0')}`),
    'wamid.after',
  ]);
});

it.each([
  ['that a constraint refuses', poison.refused, 'data', 3],
  ['whose id is longer than an index takes', poison.tooLong, 'data', 11],
  ['that is not JSON', poison.notJson, 'decode', 4],
  ['of which the database cannot read a value', poison.unreadable, 'data', 15],
])('a record %s is dead-lettered once, byte for byte, with cause and origin', (_, value, cause, offset) => {
  expect(letterOf(value)).toMatchObject([
    {
      key: Buffer.from(PHONE),
      partition,
      headers: {
        [headers.dlqCause]: cause,
        [headers.originalTopic]: topics.webhooks.name,
        [headers.originalPartition]: String(partition),
        [headers.originalOffset]: String(offset),
        [headers.originalTimestamp]: expect.stringMatching(/^\d{13}$/),
        [headers.dlqAt]: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        [headers.deliveryId]: 'delivery-1',
        traceparent,
      },
    },
  ]);
});

it('nothing else is dead-lettered', () => {
  expect(dead).toHaveLength(4);
});

it('the reason names what refused it, and nothing that a person wrote', () => {
  const reasons = Object.values(poison).map((value) => letterOf(value)[0]?.headers[headers.errorMessage]);
  expect(reasons).toEqual([
    'the database refuses it: SQLSTATE 23514 messages_2025_06 clean_words',
    'the database refuses it: SQLSTATE 54000 message_ids message_ids_pkey',
    'not what this topic holds',
    'the database refuses it: SQLSTATE 22P02',
  ]);
});

it('nor does the log, nor what is kept of it', async () => {
  const kept: unknown = await database.dataSource.query('SELECT * FROM skipped_records');
  const all = JSON.stringify([logged, kept]);
  expect(all).toContain('22P02');
  for (const personal of ['forbidden', '4915100000001', 'Ann', PHONE]) expect(all).not.toContain(personal);
});
