import { headers, topics } from '@talaria/contracts';
import { sqlOf } from '@talaria/database';
import { createKafka, type KafkaRecord } from '@talaria/kafka';
import fc from 'fast-check';
import {
  eventually,
  testDatabase,
  type TestDatabase,
  testKafka,
  type TestKafka,
  testLogger,
} from '../../../../test/kit';
import { indexLetters, type LetterIndex } from './index-letters';
import { readLetter } from './read-letter';
import { recordLetters } from './record-letters';

let kafka: TestKafka;
let database: TestDatabase;
const running: LetterIndex[] = [];

beforeAll(async () => {
  [kafka, database] = await Promise.all([
    testKafka([topics.outboundDlq.name, topics.webhooksDlq.name]),
    testDatabase(),
  ]);
}, 60_000);
afterEach(() => Promise.all(running.splice(0).map((one) => one.close())));
afterAll(async () => {
  await Promise.all([kafka.close(), database.close()]);
});

const start = () => {
  const sql = sqlOf(database.dataSource);
  const index = indexLetters({ config: kafka.config, sql, logger: testLogger, onFatal: () => undefined });
  running.push(index);
};

/** As anybody may write: headers are bytes, or nothing, or several. */
async function write(
  topic: string,
  value: Buffer | null,
  found: Record<string, Buffer | string | string[]>,
): Promise<void> {
  const producer = createKafka(kafka.config, 'test-product', testLogger).producer();
  await producer.connect();
  const messages = [{ key: 'k', value, headers: found, partition: 1 }];
  await producer
    .send({ topic: kafka.config.KAFKA_PREFIX + topic, messages })
    .finally(() => producer.disconnect());
}

type Row = Record<string, unknown> & { value: Buffer | null; headers: Record<string, string> };
const rows = () => database.dataSource.query<Row[]>('SELECT * FROM dead_letters ORDER BY id');

it('every record becomes one row with its bytes, whatever it holds, in each run', async () => {
  start();
  const value = Buffer.from('{"id":"a","wabaId":"900","note":"\\u0000"}');
  await write(topics.outboundDlq.name, value, { [headers.dlqCause]: 'permanent', own: 'kept' });
  await write(topics.outboundDlq.name, Buffer.from([0, 255, 0]), { nul: 'a\0b' });
  await write(topics.outboundDlq.name, null, { [headers.errorMessage]: 'x\0y', twice: ['1', '2'] });
  await write(topics.webhooksDlq.name, Buffer.from('{'), { [headers.dlqCause]: Buffer.from([255]) });
  await eventually(async () => expect(await rows()).toHaveLength(4));
  await Promise.all(running.splice(0).map((one) => one.close()));

  start();
  await write(topics.webhooksDlq.name, Buffer.from('the last'), { [headers.dlqCause]: 'decode' });
  await eventually(async () => expect(await rows()).toHaveLength(5));
  const outbound = (await rows()).filter(({ topic }) => topic === topics.outboundDlq.name);
  expect(outbound).toMatchObject([
    { partition: 1, record_offset: '0', cause: 'permanent', state: 'open', waba_id: '900', value },
    { record_offset: '1', cause: 'other', value: Buffer.from([0, 255, 0]), headers: { nul: 'a\0b' } },
    { record_offset: '2', message: 'xy', value: null, headers: { twice: '2' } },
  ]);
  expect(outbound[0]!.headers).toEqual({ [headers.dlqCause]: 'permanent', own: 'kept' });
}, 60_000);

it('a row that is there already stays as it is, also when a person has decided about it', async () => {
  const sql = sqlOf(database.dataSource);
  const record = {
    ...{ topic: 'again', partition: 0, offset: 5, timestamp: 0, key: null, value: null },
    headers: {},
  };
  const found = [{ record, letter: readLetter(record, Date.now()) }];
  expect(await recordLetters(sql, found)).toHaveLength(1);
  await sql(`UPDATE dead_letters SET state = 'discarded' WHERE topic = 'again'`);
  expect(await recordLetters(sql, found)).toEqual([]);
  expect(await sql(`SELECT state FROM dead_letters WHERE topic = 'again'`)).toEqual([{ state: 'discarded' }]);
});

it('a record of a topic that was made anew is not taken for the one that had its place', async () => {
  const sql = sqlOf(database.dataSource);
  const old = { topic: 'anew', partition: 0, offset: 5, timestamp: 1, key: null, value: null, headers: {} };
  for (const record of [old, { ...old, timestamp: 2 }])
    expect(await recordLetters(sql, [{ record, letter: readLetter(record, Date.now()) }])).toHaveLength(1);
  expect(await sql(`SELECT record_timestamp FROM dead_letters WHERE topic = 'anew' ORDER BY id`)).toEqual([
    { record_timestamp: '1' },
    { record_timestamp: '2' },
  ]);
});

it('no record is refused by the database', async () => {
  const sql = sqlOf(database.dataSource);
  let offset = 0;
  const known = Object.values(headers) as string[];
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.integer().map(String), fc.constant('\0'));
  const bodies = fc.oneof(
    fc.json().map((json) => Buffer.from(json)),
    fc.constant(null),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ found: fc.dictionary(fc.constantFrom(...known), text), value: bodies }), {
        minLength: 1,
      }),
      async (some) => {
        const records = some.map(({ found, value }): KafkaRecord => {
          const place = { topic: 'anything', partition: 0, offset: offset++, timestamp: 0 };
          return { ...place, key: value, value, headers: found };
        });
        const letters = records.map((record) => ({ record, letter: readLetter(record, Date.now()) }));
        expect(await recordLetters(sql, letters)).toHaveLength(some.length);
      },
    ),
    { numRuns: 50 },
  );
});
