import { setTimeout as delay } from 'node:timers/promises';
import { headers, topics } from '@talaria/contracts';
import { sqlOf } from '@talaria/database';
import { createKafka, createTopics, type KafkaRecord } from '@talaria/kafka';
import { letterTopics, pageStatement, redriveTopics } from '@talaria/operations';
import { readLetter } from '../../../processor/src/dead-letters/read-letter';
import { recordLetters } from '../../../processor/src/dead-letters/record-letters';
import {
  eventually,
  testDatabase,
  type TestDatabase,
  testKafka,
  type TestKafka,
  testLogger,
} from '../../../../test/kit';
import { type Ran, runCli } from '../../testing/run-cli';

let kafka: TestKafka;
let database: TestDatabase;
let env: Record<string, string>;
let printed: string;
let said: string;
let offset = 0;

beforeAll(async () => {
  database = await testDatabase();
}, 60_000);
beforeEach(async () => {
  kafka = await testKafka(redriveTopics);
  await database.dataSource.query('TRUNCATE dead_letters, redrives, discards, dispatch_commands');
  const { KAFKA_BROKERS, KAFKA_PREFIX } = kafka.config;
  env = { DATABASE_URL: await database.as('operator'), KAFKA_BROKERS: KAFKA_BROKERS.join(','), KAFKA_PREFIX };
  said = '';
});
afterEach(() => kafka.close());
afterAll(() => database.close());

async function ask(args: readonly string[], signal = new AbortController().signal): Promise<Ran> {
  const by = args.includes('--reason') && !args.includes('--by') ? ['--by', 'ada'] : [];
  const ran = await runCli(['dead-letters', ...args, ...by], {
    env,
    signal,
    onWrite: (text) => (said += text),
  });
  printed = ran.out.trimEnd();
  return ran;
}

const run = async (args: readonly string[], signal?: AbortSignal) => (await ask(args, signal)).code;

/** Nothing is answered, and the one line that is said ends with the reason. */
const refusal = async (args: readonly string[]) => {
  const { code, out, err } = await ask(args);
  expect(out).toBe('');
  return `${code} ${err.trimEnd()}`;
};

async function json<T>(...args: string[]): Promise<T> {
  await run([...args, '--output', 'json']);
  return JSON.parse(printed) as T;
}

type Listed = { letters: { id: number; commandId: string | null; state: string }[]; next?: number };
const listed = async (...args: string[]) =>
  (await json<Listed>('list', ...args)).letters.map(({ commandId }) => commandId);

const aCommand = (id: string, fields: object = {}) => ({
  ...{ id, wabaId: '900', phoneNumberId: '100', to: '+15550001111' },
  message: { type: 'text', text: { body: 'a secret' } },
  ...fields,
});

/** A dead letter as the index has it. @returns its id */
async function aLetter(
  id: string,
  fields: object = {},
  found: Record<string, string> = {},
  record: Partial<KafkaRecord> = {},
): Promise<number> {
  const whole: KafkaRecord = {
    ...{ topic: letterTopics.outbound, partition: offset % 3, offset: offset++, timestamp: Date.now() },
    ...{ key: Buffer.from('900'), value: Buffer.from(JSON.stringify(aCommand(id, fields), null, 1)) },
    headers: { [headers.dlqCause]: 'permanent', [headers.dlqAt]: new Date().toISOString(), ...found },
    ...record,
  };
  const sql = sqlOf(database.dataSource);
  await recordLetters(sql, [{ record: whole, letter: readLetter(whole, Date.now()) }]);
  const [row] = await sql<{ id: number }>('SELECT max(id)::integer AS id FROM dead_letters');
  return row!.id;
}

const sent = () => kafka.readAll(topics.outbound.name);
const valuesOf = (records: readonly KafkaRecord[]) =>
  records.map(({ value }) => (JSON.parse(String(value)) as { id: string }).id).sort();
const redriveRows = () =>
  database.dataSource.query<Record<string, unknown>[]>('SELECT * FROM redrives ORDER BY id');

describe('list', () => {
  it('finds by each filter what it names, newest first, and only what is open', async () => {
    const at = (day: number) => ({ [headers.dlqAt]: `2026-01-0${day}T00:00:00.000Z` });
    await aLetter('a', { campaignId: 'spring' }, { ...at(1), [headers.metaCode]: '131026' });
    await aLetter('b', { wabaId: '901' }, { ...at(2), [headers.dlqCause]: 'exhausted' });
    await aLetter('c', { phoneNumberId: '101' }, at(3));
    const gone = await aLetter('d', {}, at(4));
    const entry = [{ id: '902', changes: [{ value: { metadata: { phone_number_id: '102' } } }] }];
    await aLetter('', {}, at(5), {
      topic: letterTopics.webhooks,
      value: Buffer.from(JSON.stringify({ entry })),
    });
    await run(['discard', String(gone), '--reason', 'why']);
    expect(await listed()).toEqual([null, 'c', 'b', 'a']);
    expect(await listed('--cause', 'exhausted')).toEqual(['b']);
    expect(await listed('--code', '131026')).toEqual(['a']);
    expect(await listed('--waba', '901')).toEqual(['b']);
    expect(await listed('--waba', '902')).toEqual([null]);
    expect(await listed('--number', '101')).toEqual(['c']);
    expect(await listed('--campaign', 'spring')).toEqual(['a']);
    expect(await listed('--topic', 'outbound')).toEqual(['c', 'b', 'a']);
    expect(await listed('--since', '2026-01-02', '--until', '2026-01-03')).toEqual(['b']);
    expect(await listed('--cause', 'permanent', '--waba', '900')).toEqual(['c', 'a']);
    expect(await listed('--state', 'discarded')).toEqual(['d']);
    expect(await listed('--state', 'all')).toEqual([null, 'd', 'c', 'b', 'a']);
    expect(await listed('--campaign', 'autumn')).toEqual([]);
  });

  it('goes on page by page, also through letters of the same time', async () => {
    const time = { [headers.dlqAt]: '2026-01-01T00:00:00.000Z' };
    for (const id of ['a', 'b', 'c', 'd', 'e']) await aLetter(id, {}, time);
    const first = await json<Listed>('list', '--limit', '2');
    const second = await json<Listed>('list', '--limit', '2', '--after', String(first.next));
    const third = await json<Listed>('list', '--limit', '2', '--after', String(second.next));
    const ids = [first, second, third].map(({ letters }) => letters.map(({ commandId }) => commandId));
    expect(ids).toEqual([['e', 'd'], ['c', 'b'], ['a']]);
    expect(third).not.toHaveProperty('next');
    expect(await refusal(['list', '--after', '999999'])).toMatch(/^3 error: there is no dead letter 999999/);
  });

  it('shows people a table, without texts and phones, and nothing that a terminal would act on', async () => {
    const id = await aLetter('a', {}, { [headers.errorMessage]: 'bad\x1b[2Jluck', [headers.attempts]: '3' });
    expect(await run(['list'])).toBe(0);
    expect(printed).toMatch(
      /^id +given up at +state +cause +code +attempts +number +command +what was wrong\n/,
    );
    expect(printed).toMatch(
      new RegExp(`^${id} +\\S+Z +open +permanent +- +3 +100 +a +bad\\\\x1b\\[2Jluck$`, 'm'),
    );
    expect(printed).not.toMatch(/secret|1555/);
    await run(['list', '--cause', 'data']);
    expect(printed).toBe('There are none.');
  });

  it('reads a page of each filter from an index', async () => {
    await database.dataSource.query(`
      INSERT INTO dead_letters (topic, partition, record_offset, record_timestamp, dead_at, cause, code, waba_id, phone_number_id, campaign_id, headers)
      SELECT 'whatsapp.' || CASE WHEN n % 9 = 0 THEN 'webhooks' ELSE 'outbound' END || '.dlq', n % 12, n, 0, now() - n * interval '1 s',
             CASE WHEN n % 7 = 0 THEN 'exhausted' ELSE 'permanent' END, n % 5, n % 50, n % 100, 'c' || n % 20, '{}'
      FROM generate_series(1, 20000) AS n`);
    await database.dataSource.query('ANALYZE dead_letters');
    const since = new Date(Date.now() - 9_000_000).toISOString();
    for (const filter of [
      ...[{}, { cause: 'exhausted' }, { code: 3 }, { waba: '7' }, { number: '7' }, { campaign: 'c7' }],
      ...[{ topic: 'webhooks' as const }, { until: since }, { since }],
    ]) {
      const asked = { filter, states: ['open', 'redriven', 'discarded'] as const, limit: 50 };
      const { text, values } = pageStatement(asked, { deadAt: new Date(), id: 1 });
      const plan = await database.dataSource.query<{ 'QUERY PLAN': string }[]>(
        `EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF) ${text}`,
        [...values],
      );
      const lines = plan.map((line) => line['QUERY PLAN']).join('\n');
      expect(lines).toMatch(/Index Scan Backward using dead_letters_/);
      expect(lines).not.toMatch(/Seq Scan|Rows Removed by Filter: \d{3}/);
    }
  });
});

describe('show', () => {
  it('tells all but texts and phones, and those with --body', async () => {
    const found = {
      [headers.errorClass]: 'window',
      [headers.originalOffset]: '4',
      'x-customer': 'of +15550001111',
    };
    const id = await aLetter('a', {}, found, { key: Buffer.from([255]) });
    await database.dataSource.query(
      `INSERT INTO dispatch_commands (waba_id, command_id, phone_number_id, fingerprint, state, version, attempts, owner, claimed_at,
                                      source_topic, source_partition, source_offset)
       VALUES ('900', 'a', '100', '', 'dead-lettered', 2, 3, gen_random_uuid(), now(), 't', 0, 0)`,
    );
    const shown = await json<Record<string, unknown>>('show', String(id));
    expect(shown).toMatchObject({
      ...{ id, state: 'open', cause: 'permanent', class: 'window', originOffset: 4, commandId: 'a' },
      command: { state: 'dead-lettered', version: 2, attempts: 3 },
    });
    expect(JSON.stringify(shown)).not.toMatch(/secret|1555/);
    await run(['show', String(id)]);
    expect(printed).toMatch(/^ {2}x-customer: \(not shown: --body\)$/m);
    const whole = await json<Record<string, unknown>>('show', String(id), '--body');
    expect(whole).toMatchObject({ key: 'base64:/w==', headers: found });
    expect(whole.value).toBe(JSON.stringify(aCommand('a'), null, 1));
    expect(await refusal(['show', '999999'])).toMatch(/^3 error: there is no dead letter 999999/);
  });
});

describe('discard', () => {
  it('takes letters off the list, sends nothing, and notes who and why', async () => {
    const [one] = [await aLetter('a'), await aLetter('b', {}, { [headers.dlqCause]: 'data' })];
    expect(await json('discard', '--all', '--dry-run')).toEqual({
      letters: 2,
      causes: { data: 1, permanent: 1 },
    });
    expect(await listed()).toEqual(['b', 'a']);
    expect(await run(['discard', '--cause', 'permanent', '--reason', 'old news', '--by', 'bob'])).toBe(0);
    expect(await listed()).toEqual(['b']);
    expect(await database.dataSource.query('SELECT * FROM discards')).toMatchObject([
      { discarded_by: 'bob', reason: 'old news', filter: { cause: 'permanent' }, letters: '1' },
    ]);
    expect(await json('show', String(one))).toMatchObject({
      state: 'discarded',
      discarded: { reason: 'old news' },
    });
    expect(await refusal(['discard', '--cause', 'permanent', '--reason', 'x'])).toMatch(
      /^3 error: No open dead/,
    );
    expect(await run(['discard', '--cause', 'permanent', '--dry-run'])).toBe(3);
    expect(await database.dataSource.query('SELECT FROM discards')).toHaveLength(1);
    expect(await sent()).toEqual([]);
  });
});

describe('redrive', () => {
  it('says first what it would send, by cause, and what not and why', async () => {
    for (const id of ['a', 'b']) await aLetter(id);
    await aLetter('c', {}, { [headers.dlqCause]: 'exhausted' });
    await aLetter('d', { expiresAt: '2026-01-01T00:00:00Z' }, { [headers.dlqCause]: 'expired' });
    await aLetter('e', {}, { [headers.dlqCause]: 'ambiguous' });
    await aLetter('f', {}, {}, { value: null });
    await database.dataSource.query(
      `INSERT INTO dispatch_commands (waba_id, command_id, phone_number_id, fingerprint, state, version, attempts, owner, claimed_at,
                                      source_topic, source_partition, source_offset)
       VALUES ('900', 'b', '100', '', 'accepted', 2, 3, gen_random_uuid(), now(), 't', 0, 0)`,
    );
    expect(await json('redrive', '--all', '--dry-run')).toEqual({
      letters: 3,
      causes: { permanent: 2, exhausted: 1 },
      leftOut: { expired: 1, ambiguous: 1, 'no-value': 1 },
      acceptedMeanwhile: 1,
    });
    const renewed = ['--expires-at', new Date(Date.now() + 60_000).toISOString()];
    expect(await json('redrive', '--cause', 'expired', '--dry-run', ...renewed)).toMatchObject({
      letters: 1,
    });
    expect(await json('redrive', '--cause', 'ambiguous', '--dry-run')).toMatchObject({ letters: 1 });
    expect(await run(['redrive', '--all', '--dry-run'])).toBe(0);
    expect(printed).toMatch(/^together +3\n.*\n.*\n.*\nOf these commands 1 were accepted meanwhile/m);
    expect([await sent(), await redriveRows()]).toEqual([[], []]);
    expect(await run(['redrive', '--campaign', 'none', '--dry-run'])).toBe(3);
    expect(printed).toBe('No open dead letter is meant by this.');
  });

  it('sends what the filter names, once, with its bytes, and notes who and why', async () => {
    const id = await aLetter('a', {}, { [headers.originalTopic]: 'whatsapp.outbound', own: 'kept' });
    await aLetter('b', {}, { [headers.dlqCause]: 'data' });
    expect(await run(['redrive', '--cause', 'permanent', '--reason', 'mended'])).toBe(0);
    expect(printed).toMatch(/^Re-drive \d+ is finished: 1 letters are sent\.$/);
    const [record, ...others] = await sent();
    expect(others).toEqual([]);
    const [redrive] = await redriveRows();
    expect(record!.value).toEqual(Buffer.from(JSON.stringify(aCommand('a'), null, 1)));
    expect(record!.headers).toMatchObject({ own: 'kept', [headers.redrive]: `${String(redrive!.id)}/${id}` });
    expect(record!.headers).not.toHaveProperty(headers.dlqCause);
    expect(redrive).toMatchObject({
      ...{ begun_by: 'ada', reason: 'mended', filter: { cause: 'permanent' }, causes: { permanent: 1 } },
      ...{ letters: '1', sent: '1', refused: '0', state: 'finished', finished_at: expect.any(Date) },
    });
    expect(await listed()).toEqual(['b']);
    expect(await refusal(['redrive', '--cause', 'permanent', '--reason', 'again'])).toMatch(
      /^3 error: No open/,
    );
    expect(await refusal(['redrive', String(id), '--reason', 'again'])).toMatch(
      /^3 error: No open dead letter/,
    );
    expect(await redriveRows()).toHaveLength(1);
  });

  it('sends webhooks and events back to where the processor reads them', async () => {
    const webhook = {
      topic: letterTopics.webhooks,
      key: Buffer.from('1555'),
      value: Buffer.from('{"entry":[]}'),
    };
    await aLetter('', {}, { [headers.originalTopic]: topics.webhooks.name }, webhook);
    await aLetter('', {}, { [headers.originalTopic]: topics.dispatches.name, ce_type: 't' }, webhook);
    await aLetter('', {}, { [headers.originalTopic]: 'whatsapp.outbound' }, webhook);
    expect(await run(['redrive', '--topic', 'webhooks', '--reason', 'mended'])).toBe(0);
    const webhooks = await kafka.readAll(topics.webhooks.name);
    expect(webhooks.map(({ key, value }) => [key, value])).toEqual([
      [webhook.key, webhook.value],
      [webhook.key, webhook.value],
    ]);
    expect(await kafka.readAll(topics.dispatches.name)).toMatchObject([{ headers: { ce_type: 't' } }]);
    expect(await sent()).toEqual([]);
  });

  it('corrects all, or sends none', async () => {
    await aLetter('a', { to: '555' });
    const wrong = await aLetter('b', { to: '555', surplus: 1 });
    const right = JSON.stringify({ to: '+15550002222' });
    expect(await refusal(['redrive', '--all', '--correct', right, '--reason', 'x'])).toMatch(
      new RegExp(`nothing is sent:\\s+${wrong}: the command has a field it does not know$`),
    );
    expect([await sent(), await redriveRows(), await listed()]).toEqual([[], [], ['b', 'a']]);
    const both = JSON.stringify({ to: '+15550002222', surplus: null });
    expect(await run(['redrive', '--all', '--correct', both, '--reason', 'x'])).toBe(0);
    const commands = (await sent()).map(({ value }) => JSON.parse(String(value)) as object);
    expect(commands).toEqual(expect.arrayContaining([aCommand('a', { to: '+15550002222' })]));
    expect(commands).toHaveLength(2);
    await aLetter('', {}, {}, { topic: letterTopics.webhooks });
    expect(await refusal(['redrive', '--all', '--correct', both, '--reason', 'x'])).toMatch(
      'add --topic outbound',
    );
  });

  it('keeps its rate', async () => {
    for (let index = 0; index < 30; index++) await aLetter(`a${index}`);
    const begun = performance.now();
    expect(await run(['redrive', '--all', '--rate', '20', '--reason', 'x'])).toBe(0);
    // The last two of thirty leave 28/20 s after the first.
    expect(performance.now() - begun).toBeGreaterThanOrEqual(1390);
    expect(valuesOf(await sent())).toHaveLength(30);
  });

  it('that was interrupted is named, then continued and not repeated, or given up', async () => {
    for (let index = 0; index < 10; index++) await aLetter(`a${index}`);
    const interrupt = new AbortController();
    const begun = run(['redrive', '--all', '--rate', '1', '--reason', 'x'], interrupt.signal);
    await eventually(async () => expect(Number((await redriveRows())[0]?.sent)).toBeGreaterThan(1));
    // While it runs nobody else may go on with it, and it is in nobody's way.
    const [{ id } = { id: 0 }] = await redriveRows();
    expect(await refusal(['redrive', '--continue', String(id)])).toMatch('another process is at re-drive');
    const other = await aLetter('other');
    expect(await run(['redrive', String(other), '--reason', 'x'])).toBe(0);
    interrupt.abort();
    expect(await begun).toBe(1);
    expect(printed).toContain(`redrive --continue ${String(id)}`);

    await aLetter('later');
    expect(await refusal(['redrive', '--all', '--reason', 'x'])).toMatch(
      new RegExp(`Re-drive ${String(id)} of ada \\(x\\) was interrupted: \\d of 10 are sent`),
    );
    expect(await run(['redrive', '--continue', String(id), '--rate', '1000'])).toBe(0);
    const all = [...Array.from({ length: 10 }, (_, index) => `a${index}`), 'other'];
    expect(valuesOf(await sent())).toEqual(all.sort());
    expect(await refusal(['redrive', '--continue', String(id)])).toMatch(
      /^1 error: re-drive \d+ is finished already/,
    );
    expect(await refusal(['redrive', '--continue', '999'])).toMatch(/^3 error: there is no re-drive 999/);
  });

  it('that is given up leaves open what it has not sent', async () => {
    for (let index = 0; index < 4; index++) await aLetter(`a${index}`);
    const interrupt = new AbortController();
    const begun = run(['redrive', '--all', '--rate', '1', '--reason', 'x'], interrupt.signal);
    await eventually(async () => expect(Number((await redriveRows())[0]?.sent)).toBe(1));
    interrupt.abort();
    await begun;
    const [{ id } = { id: 0 }] = await redriveRows();
    const rest = 4 - Number((await redriveRows())[0]?.sent);
    expect(await json('redrive', '--abandon', String(id))).toEqual({ id: Number(id), reopened: rest });
    expect(await listed()).toHaveLength(rest);
    expect(await redriveRows()).toMatchObject([{ state: 'abandoned' }]);
    expect(await run(['redrive', '--all', '--reason', 'x'])).toBe(0);
    expect(valuesOf(await sent())).toEqual(['a0', 'a1', 'a2', 'a3']);
  });

  it('opens again what Kafka does not take, and sends the rest', async () => {
    const huge = JSON.stringify(aCommand('huge', { metadata: { a: 'x'.repeat(2_000_000) } }));
    await aLetter('huge', {}, {}, { value: Buffer.from(huge) });
    await aLetter('a');
    expect(await run(['redrive', '--all', '--reason', 'x'])).toBe(1);
    expect(printed).toContain('Kafka refuses 1 for their size');
    expect(await listed()).toEqual(['huge']);
    expect(valuesOf(await sent())).toEqual(['a']);
  });

  it('ends when it is told to while Kafka takes nothing, and can be continued', async () => {
    for (let index = 0; index < 9; index++) await aLetter(`a${index}`);
    const interrupt = new AbortController();
    const admin = createKafka(kafka.config, 'spec', testLogger).admin();
    await admin.connect();
    const name = topics.outbound.name;
    const begun = ask(['redrive', '--all', '--rate', '1', '--reason', 'x'], interrupt.signal);
    await eventually(async () => expect(Number((await redriveRows())[0]?.sent)).toBeGreaterThan(0));
    await admin.deleteTopics({ topics: [kafka.config.KAFKA_PREFIX + name] });
    // The next one is under way, and nobody takes it.
    await delay(2000);
    interrupt.abort();
    expect(await begun).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /was interrupted: .+\. Go on with: talaria dead-letters redrive --continue \d+/,
      ),
    });
    await createTopics(admin, [{ name, partitions: 3, retentionMs: -1 }], {
      ...{ prefix: kafka.config.KAFKA_PREFIX, replicationFactor: 1 },
    });
    await admin.disconnect();
    const [{ id } = { id: 0 }] = await redriveRows();
    expect(await run(['redrive', '--continue', String(id), '--rate', '100'])).toBe(0);
    expect(valuesOf(await sent()).at(-1)).toBe('a8');
  }, 60_000);
});
