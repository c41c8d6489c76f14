import { headers, topics } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { Consumers } from '../consumers';
import { keepingProducer } from '../../testing/processor';
import { emptyReadModel } from '../../testing/read-model';
import {
  aBatch,
  aMessage,
  aRecord,
  aStatus,
  aTextMessage,
  aWebhook,
  PHONE,
  SECONDS,
} from '../../testing/records';

let database: TestDatabase;
let producer: ReturnType<typeof keepingProducer>;
beforeAll(async () => (database = await testDatabase(1)));
beforeEach(async () => {
  await emptyReadModel(database.dataSource);
  producer = keepingProducer();
});
afterAll(() => database.close());

const good = ['wamid.1', 'wamid.2', 'wamid.3'];
const message = (fields: object) => aWebhook({ value: { messages: [aTextMessage({ ...fields })] } });
const status = (fields: object) => aWebhook({ value: { statuses: [aStatus({ ...fields })] } });
const json = (text: string) => aRecord({ value: Buffer.from(text) });
const rows = (text: string) => database.dataSource.query<Record<string, unknown>[]>(text);

/** Projects the bad record among good ones, all in one batch; the good ones must be there. */
async function amongGood(bad: KafkaRecord): Promise<void> {
  const [first, ...others] = good.map((id) => message({ id }));
  const consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
  await consumers.webhooks(aBatch([...(first === undefined ? [] : [first]), bad, ...others]));
  const kept = await rows(`SELECT wamid FROM messages WHERE wamid = ANY ('{${good.join(',')}}') ORDER BY 1`);
  expect(kept.map(({ wamid }) => wamid)).toEqual(good);
}

const deadLetters = () => producer.sent.filter(({ topic }) => topic === topics.webhooksDlq.name);

describe('is kept as unknown, whole:', () => {
  it.each<[string, KafkaRecord]>([
    ['a message without an id', message({ id: undefined })],
    ['a message whose id is a number', message({ id: 7 })],
    ['a message that is a text', aWebhook({ value: { messages: ['hello'] } })],
    ['a status without a message', status({ id: undefined })],
    ['a status whose status is an object', status({ status: {} })],
    ['a number of no account', json(`{"entry":[{"changes":[{"field":"x","value":{}}]}]}`)],
    ['what has no shape that we know', json('{"what":"ever"}')],
    [
      'a message of no business number',
      json(`{"entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"id":"a"}]}}]}]}`),
    ],
  ])('%s', async (_, bad) => {
    await amongGood(bad);
    expect(await rows('SELECT * FROM unknown_items')).toHaveLength(1);
    expect(deadLetters()).toEqual([]);
  });
});

describe('is dead-lettered alone, with its reason:', () => {
  it.each<[string, KafkaRecord, string]>([
    ['what is not JSON', json('{"entry":['), 'decode'],
    ['nothing', aRecord({ value: null }), 'decode'],
    [
      'a message whose id no index can hold',
      message({ id: Array.from({ length: 9000 }, (__, n) => (n * 7919) % 10_007).join('') }),
      'data',
    ],
  ])('%s', async (_, bad, cause) => {
    await amongGood(bad);
    expect(deadLetters()).toMatchObject([{ value: bad.value, headers: { [headers.dlqCause]: cause } }]);
    expect(await rows('SELECT topic, partition, record_offset, cause FROM skipped_records')).toEqual([
      { topic: topics.webhooks.name, partition: 0, record_offset: '1', cause },
    ]);
  });
});

describe('is kept as a row:', () => {
  const aRow = async (bad: KafkaRecord, text: string) => {
    await amongGood(bad);
    expect(deadLetters()).toEqual([]);
    expect(await rows('SELECT * FROM unknown_items')).toEqual([]);
    return (await rows(text))[0];
  };

  it.each<[string, unknown]>([
    ['in the far future', '4102444800'],
    ['before WhatsApp', '1'],
    ['negative', -5],
    ['of no number', 'tomorrow'],
    ['beyond what a date can hold', '99999999999999999'],
    ['an object', {}],
  ])('a message with a time %s, in the month of its arrival', async (_, timestamp) => {
    const bad = message({ id: 'wamid.bad', timestamp });
    expect(await aRow(bad, `SELECT month::text, message_at FROM messages WHERE wamid = 'wamid.bad'`)).toEqual(
      {
        month: '2025-06-01',
        message_at: null,
      },
    );
  });

  it('a message whose time is later than its arrival, in the month of its arrival', async () => {
    const bad = message({ id: 'wamid.bad', timestamp: String(SECONDS + 90 * 86_400) });
    expect(await aRow(bad, `SELECT month::text FROM messages WHERE wamid = 'wamid.bad'`)).toEqual({
      month: '2025-06-01',
    });
  });

  it('a change whose time is later than its arrival, without a time', async () => {
    const bad = aWebhook({ field: 'account_update', time: SECONDS + 90 * 86_400, value: { event: 'X' } });
    expect(await aRow(bad, 'SELECT changed_at, month::text FROM account_changes')).toEqual({
      changed_at: null,
      month: '1970-01-01',
    });
  });

  it('a text of a megabyte', async () => {
    const bad = message({ id: 'wamid.bad', text: 'x'.repeat(1024 * 1024) });
    expect(await aRow(bad, `SELECT length(text) FROM messages WHERE wamid = 'wamid.bad'`)).toEqual({
      length: 1024 * 1024,
    });
  });

  it('NUL and half a surrogate pair, replaced in the text and unchanged in the item', async () => {
    const bad = message({ id: 'wamid.bad', text: 'a\u0000b\uD800c' });
    const row = await aRow(bad, `SELECT text, item FROM messages WHERE wamid = 'wamid.bad'`);
    expect(row?.text).toBe('a\uFFFDb\uFFFDc');
    expect(String(row?.item)).toContain(String.raw`a\u0000b\ud800c`);
  });

  it('a number where a text is due, without the text', async () => {
    const bad = message({ id: 'wamid.bad', type: 7, text: 8, from: 9, context: 10 });
    expect(
      await aRow(
        bad,
        `SELECT type, text, contact_identity, context_wamid FROM messages WHERE wamid = 'wamid.bad'`,
      ),
    ).toEqual({ type: 'unknown', text: null, contact_identity: null, context_wamid: null });
  });

  it('a phone that no index can hold, without the phone', async () => {
    const bad = message({ id: 'wamid.bad', from: '1'.repeat(5000) });
    expect(await aRow(bad, `SELECT contact_identity FROM messages WHERE wamid = 'wamid.bad'`)).toEqual({
      contact_identity: null,
    });
  });

  it('an unknown status, as told', async () => {
    const bad = status({ status: 'teleported' });
    expect(await aRow(bad, 'SELECT status FROM message_statuses')).toEqual({ status: 'teleported' });
  });

  it("a status for somebody else's message, which begins a row", async () => {
    const bad = status({ id: 'wamid.theirs' });
    expect(
      await aRow(bad, `SELECT status, direction, item FROM messages WHERE wamid = 'wamid.theirs'`),
    ).toEqual({
      status: 'sent',
      direction: 'outbound',
      item: null,
    });
  });

  it('an edit of what was never seen, which begins a row', async () => {
    const edit = aMessage('edit', { id: 'wamid.bad', edit: { original_message_id: 'wamid.never' } });
    const bad = aWebhook({ value: { messages: [edit] } });
    expect(await aRow(bad, `SELECT edited_text, item FROM messages WHERE wamid = 'wamid.never'`)).toEqual({
      edited_text: null,
      item: null,
    });
  });

  it('an edit, a reaction and a revocation of nothing, as messages', async () => {
    for (const type of ['edit', 'reaction', 'revoke']) {
      await emptyReadModel(database.dataSource);
      const bad = aWebhook({ value: { messages: [aMessage(type, { id: 'wamid.bad', [type]: 7 })] } });
      expect(await aRow(bad, `SELECT type FROM messages WHERE wamid = 'wamid.bad'`)).toEqual({ type });
      expect(await rows('SELECT * FROM messages')).toHaveLength(good.length + 1);
    }
  });
});

it('a record that was dead-lettered and comes again corrected gives the rows that it would have given', async () => {
  const consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
  await database.dataSource.query(`ALTER TABLE messages ADD CONSTRAINT fault CHECK (text <> 'Hello')`);
  await consumers.webhooks(aBatch([message({ id: 'wamid.bad' }), message({ id: 'wamid.fine', text: 'x' })]));
  await database.dataSource.query('ALTER TABLE messages DROP CONSTRAINT fault');
  const [letter] = deadLetters();
  expect(await rows('SELECT wamid FROM messages')).toEqual([{ wamid: 'wamid.fine' }]);
  await consumers.webhooks(aBatch([aRecord({ value: letter?.value as Buffer })], { firstOffset: 2 }));
  expect(await rows('SELECT wamid, contact_phone, text FROM messages ORDER BY 1')).toEqual([
    { wamid: 'wamid.bad', contact_phone: PHONE, text: 'Hello' },
    { wamid: 'wamid.fine', contact_phone: PHONE, text: 'x' },
  ]);
});
