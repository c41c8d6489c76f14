import { randomUUID } from 'node:crypto';
import { retryTiers, type SendMessage, topics } from '@talaria/contracts';
import { generateKey } from '@talaria/registry';
import { type Sql, sqlOf } from '@talaria/database';
import {
  createRecordReader,
  createVerifiedProducer,
  type KafkaRecord,
  type RecordBatch,
  type RecordReader,
  type VerifiedProducer,
} from '@talaria/kafka';
import { testDatabase, type TestDatabase, testKafka, type TestKafka, testLogger } from '../../../../test/kit';
import { readConfig } from '../config';
import { fingerprintOf } from '../dispatch/fingerprint';
import { createOutlet } from '../dispatch/outlet';
import { createFailureLedger } from '../ledger/failures';
import { createLedger, type Ledger, type Source } from '../ledger/ledger';
import { takeFailedStatuses } from './take-failed-statuses';

const config = readConfig({
  KAFKA_BROKERS: 'localhost:9092',
  DATABASE_URL: 'postgres://x@localhost/x',
  SECRETS_KEYS: generateKey(),
});
const written = [
  topics.outbound,
  topics.dispatches,
  topics.outboundDlq,
  ...retryTiers.map((tier) => tier.topic),
];

let database: TestDatabase;
let sql: Sql;
let ledger: Ledger;
let kafka: TestKafka;
let producer: VerifiedProducer;
let reader: RecordReader;
const sources = new Map<string, Source>();

beforeAll(async () => {
  const names = written.map(({ name }) => name);
  [database, kafka] = await Promise.all([testDatabase(), testKafka(names, 1)]);
  sql = sqlOf(database.dataSource);
  ledger = createLedger(sql, randomUUID());
  const client = { config: kafka.config, clientId: 'spec', topics: names, logger: testLogger };
  producer = await createVerifiedProducer(client);
  reader = createRecordReader(client);
}, 60_000);

afterAll(async () => {
  await reader.close();
  await producer.close();
  await Promise.all([database.close(), kafka.close()]);
});

/** A command that lies in Kafka and was claimed. */
async function aClaimedCommand(): Promise<SendMessage> {
  const command = {
    ...{ id: `cmd-${randomUUID()}`, wabaId: '900', phoneNumberId: '100', to: '+15550001111' },
    message: { type: 'text', text: { body: 'hello' } },
  };
  const { id: commandId, wabaId, phoneNumberId } = command;
  const [topic, value] = [topics.outbound.name, JSON.stringify(command)];
  const { offset } = await producer.send({ topic, key: wabaId, value });
  const source = { topic, partition: 0, offset };
  sources.set(commandId, source);
  await ledger.claim({ wabaId, commandId, phoneNumberId, fingerprint: fingerprintOf(command), source });
  return command;
}

const accept = ({ wabaId, id: commandId }: SendMessage) =>
  ledger.settle({
    ...{ wabaId, commandId, claimedAttempt: 1, attempts: 1, isTold: true },
    source: sources.get(commandId)!,
    outcome: { state: 'accepted', at: '2026-01-01T00:00:00.000Z', wamid: `wamid.${commandId}` },
  });

function eventOf({ id, wabaId, phoneNumberId }: SendMessage, code: number): KafkaRecord {
  const data = {
    ...{ wabaId, phoneNumberId, commandId: id, attempt: 1, wamid: `wamid.${id}` },
    ...{ status: 'failed', error: { code, title: 'why' } },
  };
  return {
    ...{ topic: topics.events.name, partition: 0, offset: 7, timestamp: 0, key: null },
    headers: { ce_type: 'whatsapp.message.status.v1' },
    value: Buffer.from(JSON.stringify(data)),
  };
}

type Deaths = { readonly at: string; readonly when: 'before' | 'after' };

/** Hands the event to a process, which may break off at a point. @returns whether it finished the event */
async function hand(command: SendMessage, code: number, death?: Deaths): Promise<boolean> {
  const passing = async <T>(point: string, deed: () => Promise<T>): Promise<T> => {
    if (death?.at === point && death.when === 'before') throw new Error('dead');
    const result = await deed();
    if (death?.at === point) throw new Error('dead');
    return result;
  };
  const outlet = createOutlet(producer);
  const failures = createFailureLedger(sql);
  const take = takeFailedStatuses({
    ...{ config, reader, logger: testLogger },
    ledger: { ...failures, fail: (...args) => passing('fail', () => failures.fail(...args)) },
    outlet: {
      ...outlet,
      tell: (told, outcome, made) => passing(`tell ${outcome.state}`, () => outlet.tell(told, outcome, made)),
      retry: (...args) => passing('retry', () => outlet.retry(...args)),
      deadLetter: (...args) => passing('dead letter', () => outlet.deadLetter(...args)),
    },
  });
  const finished: number[] = [];
  const batch: RecordBatch = {
    ...{ topic: topics.events.name, partition: 0, highWatermark: 8, next: 8 },
    records: [eventOf(command, code)],
    ...{
      lost: AbortSignal.abort(),
      isOurs: () => true,
      alive: () => undefined,
      done: (offset) => finished.push(offset),
    },
  };
  const taken = await take(batch);
  expect(taken === undefined).toBe(finished.length === 1);
  return finished.length === 1;
}

/** What others see of a command: its events, each once, and the records that lead on. */
async function seenOf({ id }: SendMessage) {
  const all = await Promise.all(written.map(({ name }) => kafka.readAll(name)));
  const records = all.flat().filter(({ value }) => String(value).includes(id));
  const events = records.filter(({ topic }) => topic === topics.dispatches.name);
  return {
    events: [...new Set(events.map(({ headers, value }) => `${headers.ce_type} ${String(value)}`))].sort(),
    retries: records.filter(({ topic }) => topic.includes('.retry-')),
    letters: records.filter(({ topic }) => topic === topics.outboundDlq.name),
  };
}

const rowOf = async ({ id }: SendMessage) => {
  const [row] = await sql<{ state: string; version: number; attempts: number }>(
    'SELECT state, version, attempts FROM dispatch_commands WHERE command_id = $1',
    [id],
  );
  return row;
};

const point = (at: string) => [
  { at, when: 'before' as const },
  { at, when: 'after' as const },
];

describe.each(['tell accepted', 'fail'].flatMap(point))('a process that ends $when "$at"', (death) => {
  it.each([
    [131016, 'retrying', { retries: 1, letters: 0 }],
    [131026, 'failed', { retries: 0, letters: 0 }],
  ] as const)('of an event with code %i leaves what leads to %s, told once', async (code, state, counts) => {
    await checkDeath(death, code, state, counts);
  });
});

it.each([...point('tell retrying'), ...point('retry')])(
  'a process that ends $when "$at" leaves what is told again, the same',
  (death) => checkDeath(death, 131016, 'retrying', { retries: 1, letters: 0 }),
);

async function checkDeath(
  death: Deaths,
  code: number,
  state: string,
  counts: { readonly retries: number; readonly letters: number },
): Promise<void> {
  const command = await aClaimedCommand();
  await accept(command);
  expect(await hand(command, code, death)).toBe(false);
  expect(await hand(command, code)).toBe(true);
  expect(await rowOf(command)).toEqual({ state, version: 2, attempts: 1 });
  const { events, retries, letters } = await seenOf(command);
  expect(events).toEqual([
    expect.stringMatching(/^whatsapp\.dispatch\.accepted\.v1 .*"version":1,.*"message":/),
    expect.stringMatching(`^whatsapp\\.dispatch\\.${state}\\.v1 .*"version":2,.*"code":${code}`),
  ]);
  expect(new Set(retries.map(({ value }) => String(value))).size).toBe(counts.retries);
  expect(new Set(retries.map(({ headers }) => headers['x-due-at'])).size).toBe(counts.retries);
  expect(letters).toHaveLength(counts.letters);
}

it('a failure that is told before the answer of its call is recorded waits for it', async () => {
  const command = await aClaimedCommand();
  expect(await hand(command, 131016)).toBe(false);
  expect(await rowOf(command)).toEqual({ state: 'claimed', version: 0, attempts: 1 });
  await accept(command);
  expect(await hand(command, 131016)).toBe(true);
  expect(await rowOf(command)).toEqual({ state: 'retrying', version: 2, attempts: 1 });
});

it('when nobody is there any more to record the answer, the failure is it', async () => {
  const command = await aClaimedCommand();
  await sql(`UPDATE dispatch_commands SET claimed_at = now() - interval '1 minute' WHERE command_id = $1`, [
    command.id,
  ]);
  expect(await hand(command, 131016)).toBe(true);
  expect(await rowOf(command)).toEqual({ state: 'retrying', version: 1, attempts: 1 });
  expect((await seenOf(command)).retries).toHaveLength(1);
});

it('a row that changed meanwhile is looked at again', async () => {
  const command = await aClaimedCommand();
  await accept(command);
  const failures = createFailureLedger(sql);
  const row = await failures.find({ wabaId: '900', commandId: command.id });
  const outcome = { state: 'failed', at: '', wamid: 'w' } as const;
  expect(await failures.fail(row!, outcome)).toBe(2);
  expect(await failures.fail(row!, outcome)).toBeUndefined();
});

it('a record that now lies where the command lay is not taken for it', async () => {
  const command = await aClaimedCommand();
  await accept(command);
  const other = await aClaimedCommand();
  const at = `UPDATE dispatch_commands AS d SET source_offset = o.source_offset FROM dispatch_commands AS o
              WHERE d.command_id = $1 AND o.command_id = $2`;
  await sql(at, [command.id, other.id]);
  expect(await hand(command, 131016)).toBe(true);
  expect(await rowOf(command)).toMatchObject({ state: 'failed' });
  expect((await seenOf(other)).retries).toEqual([]);
});
