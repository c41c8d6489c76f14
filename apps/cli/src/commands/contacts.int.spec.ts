import { topics } from '@talaria/contracts';
import { beginRebuild, createDataSource, promoteProjection, retainMonths } from '@talaria/database';
import { type KafkaRecord, type OutgoingRecord, type VerifiedProducer } from '@talaria/kafka';
import { type DataSource } from 'typeorm';
import { Consumers } from '../../../processor/src/consumers';
import { keepingProducer } from '../../../processor/testing/processor';
import {
  aBatch,
  aDispatch,
  aMessage,
  aRecord,
  aStatus,
  aTextMessage,
  aWebhook,
  NUMBER,
  PHONE,
  SECONDS,
  USER_ID,
  WABA,
} from '../../../processor/testing/records';
import { eventually, testLogger } from '../../../../test/kit';
import { aCommand, at, type MessageRig, openMessageRig } from '../../../../test/kit/message-rig';
import { runCli } from '../../testing/run-cli';

jest.setTimeout(120_000);

let rig: MessageRig;
let env: Record<string, string>;
let log: KafkaRecord[];
/** How many records, and over which connections, by version. */
const projected = new Map<number, number>();
const open = new Map<number, DataSource>();

beforeEach(async () => {
  rig = await openMessageRig();
  env = { DATABASE_URL: rig.database.url, USER: 'spec' };
  log = [];
}, 60_000);
afterEach(async () => {
  await Promise.all([...open.values()].map((one) => one.destroy()));
  open.clear();
  projected.clear();
  await rig.close();
});

const erase = (...args: string[]) => runCli(['contacts', 'erase', ...args], { env });
const eraseAll = () => erase(PHONE, '--reason', 'request 7', '--by', 'ops', '--yes');

const projectionOf = (version: number) =>
  createDataSource({ DATABASE_URL: rig.database.url, DATABASE_POOL_SIZE: 2 }, version).initialize();

const wamidOf = (phone: string, name: string) =>
  `wamid.${Buffer.from(`\x1c\x18\x0b${phone}\x15\x02${name}`).toString('base64')}`;

/** Every row that names the person or holds what they wrote, of all tables there are, as `table: row`. */
async function traces(...needles: string[]): Promise<string[]> {
  const tables = await rig.sql<{ table: string; columns: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS table,
            string_agg(CASE data_type WHEN 'bytea' THEN format('encode(%I, ''escape'')', column_name) ELSE format('%I::text', column_name) END, ', ' ORDER BY ordinal_position) AS columns
     FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
     WHERE table_type = 'BASE TABLE' AND NOT (SELECT relispartition FROM pg_class WHERE oid = format('%I.%I', table_schema, table_name)::regclass) AND (table_schema = 'public' OR table_schema LIKE 'projection_%') GROUP BY 1`,
  );
  const rows = await rig.sql<{ table: string; row: string }>(
    tables
      .map(
        ({ table, columns }) =>
          `SELECT '${table}' AS table, concat_ws(' | ', ${columns}) AS row FROM ${table}`,
      )
      .join(' UNION ALL '),
  );
  const found = rows.filter(({ row }) => needles.some((needle) => row.includes(needle)));
  return found.map(({ table, row }) => `${table}: ${row}`).sort();
}

/** A wamid has the phone in it, as base64. */
const PERSON = [PHONE, USER_ID, 'Rosa', 'secret', Buffer.from(PHONE).toString('base64').slice(0, 12)];

/** In all versions there are, the live one first. @returns what the live one told */
async function tell(...records: KafkaRecord[]): Promise<OutgoingRecord[]> {
  const producer = keepingProducer();
  log.push(...records);
  const versions = await rig.sql<{ version: number }>(
    `SELECT version FROM projections ORDER BY state <> 'live'`,
  );
  for (const { version } of versions) await catchUp(version, producer);
  return producer.sent;
}

async function catchUp(version: number, producer: VerifiedProducer = keepingProducer()): Promise<void> {
  const dataSource = open.get(version) ?? (await projectionOf(version));
  open.set(version, dataSource);
  const consumers = new Consumers({ dataSource, producer, logger: testLogger });
  for (const [firstOffset, record] of log.entries()) {
    if (firstOffset < (projected.get(version) ?? 0)) continue;
    const batch = aBatch([record], { firstOffset, topic: record.topic, highWatermark: log.length });
    await (record.topic === topics.dispatches.name ? consumers.dispatches(batch) : consumers.webhooks(batch));
  }
  projected.set(version, log.length);
}

const heard = (seconds: number) => ({ timestamp: at(seconds + 5).getTime() });
const MONTH_S = 31 * 86_400;

function said(
  seconds: number,
  text: string,
  { phone = PHONE, waba = WABA, number = NUMBER, name = 'Rosa' } = {},
) {
  const message = aTextMessage({
    text,
    from: phone,
    id: wamidOf(phone, text),
    timestamp: String(SECONDS + seconds),
  });
  const contacts = [{ profile: { name }, wa_id: phone, ...(phone === PHONE && { user_id: USER_ID }) }];
  return aWebhook(
    { wabaId: waba, phoneNumberId: number, value: { contacts, messages: [message] } },
    heard(seconds),
  );
}

const OTHER = '4915100000001';
const ours = wamidOf(OTHER, 'ours');
const sentWamid = wamidOf(PHONE, 'sent');
const lateStatus = (status: string, seconds: number) =>
  aWebhook(
    { value: { statuses: [aStatus({ id: sentWamid, status, timestamp: String(SECONDS + seconds) })] } },
    heard(seconds),
  );

/** All that may be told of a person, in two months, and a little of another one. */
async function live2Months(): Promise<void> {
  const byUserId = aMessage('text', {
    ...{ from: undefined, from_user_id: USER_ID, id: 'wamid.byUserId', timestamp: String(SECONDS + 40) },
    text: { body: 'secret too' },
  });
  const reaction = aMessage('reaction', {
    ...{ id: wamidOf(PHONE, 'reaction'), timestamp: String(SECONDS + 50), from: PHONE },
    reaction: { message_id: ours, emoji: '👍' },
  });
  const ofAGroup = aStatus({
    ...{ id: ours, recipient_type: 'group', recipient_id: 'group', recipient_participant_id: PHONE },
    timestamp: String(SECONDS + 60),
  });
  const error = { code: 131016, class: 'transient', message: `no way to ${PHONE}` };
  const command = { commandId: 'sent-1', to: `+${PHONE}` };
  await tell(
    said(0, 'my secret'),
    said(MONTH_S, 'another secret'),
    aWebhook({ value: { messages: [byUserId] } }, heard(40)),
    aWebhook({ value: { messages: [reaction] } }, heard(50)),
    aWebhook({ value: { statuses: [ofAGroup] } }, heard(60)),
    aDispatch({ state: 'retrying', time: at(1).toISOString(), data: { ...command, error } }),
    aDispatch({
      ...{ state: 'accepted', time: at(2).toISOString() },
      data: {
        ...{ ...command, version: 2, attempt: 2, wamid: sentWamid, waId: PHONE },
        message: { type: 'text', text: { body: 'a secret' } },
      },
    }),
    lateStatus('sent', 3),
    aDispatch({
      ...{ state: 'dead-lettered', time: at(4).toISOString() },
      data: { commandId: 'failed-1', to: `+${PHONE}`, cause: 'invalid' },
    }),
    aWebhook(
      {
        field: 'user_preferences',
        time: SECONDS,
        value: { user_preferences: [{ wa_id: PHONE, value: 'stop' }] },
      },
      heard(0),
    ),
    aRecord({ value: Buffer.from(JSON.stringify({ odd: PHONE, id: WABA })), ...heard(0) }),
    said(0, 'hello', { phone: OTHER, name: 'Jim' }),
    aWebhook(
      {
        value: {
          messages: [
            aMessage('reaction', { id: 'wamid.r', from: OTHER, reaction: { message_id: ours, emoji: '!' } }),
          ],
        },
      },
      heard(0),
    ),
    said(0, 'secret elsewhere', { waba: '900', number: '901' }),
  );
  const outcome = { state: 'accepted' as const, at: at(2).toISOString(), wamid: sentWamid, waId: PHONE };
  await rig.settled(aCommand('sent-1'), outcome);
  await rig.aLetter(aCommand('failed-1'), 'invalid');
  await rig.aLetter(
    aCommand('other-1', { to: `+${OTHER}`, message: { type: 'text', text: { body: 'hi' } } }),
    'invalid',
  );
}

const later = () => Math.ceil(Date.now() / 1000) - SECONDS + 2;

it('erases a person of one account, then of all, from every table of every version, and nobody else', async () => {
  await live2Months();
  const { dataSource } = rig.database;
  const { version } = await beginRebuild(dataSource);
  await catchUp(version);
  await retainMonths(dataSource, '2025-07-01');
  const before = await traces(...PERSON);
  expect(before.length).toBeGreaterThan(40);
  const [others, elsewhere] = [await traces(OTHER), before.filter((row) => row.includes('900'))];
  expect([others.length > 10, elsewhere.length > 5]).toEqual([true, true]);

  const plan = await erase(PHONE, '--waba', WABA, '--dry-run', '-o', 'json');
  expect(await traces(...PERSON)).toEqual(before);
  const done = await erase(
    PHONE,
    '--waba',
    WABA,
    '--reason',
    'request 7',
    '--by',
    'ops',
    '--yes',
    '-o',
    'json',
  );
  expect(await traces(...PERSON)).toEqual(elsewhere);
  const told = JSON.parse(done.out) as Record<string, unknown>;
  expect(told).toEqual({
    ...JSON.parse(plan.out),
    ...{ dryRun: false, erasedAt: expect.any(String), kafka: expect.any(Array) },
  });
  expect(told).toMatchObject({
    ...{ accounts: [WABA], identities: ['****1234', '****1918'], waiting: 0 },
    rows: {
      ...{ dead_letters: 1, commands: 2, message_statuses: 4, reactions: 2, messages: 10 },
      ...{ account_changes: 2, unknown_items: 2, conversations: 2, contact_identities: 4 },
    },
    kafka: expect.arrayContaining([{ topic: 'whatsapp.webhooks', until: null }]),
  });

  const all = await erase(`+${PHONE}`, '--reason', 'request 7', '--by', 'ops', '--yes');
  expect(all).toMatchObject({ code: 0, err: '' });
  expect(all.out).toMatch(/^Erased what 900 knows under \*{4}1234, \*{4}1918:\ntable +rows\nmessages +2\n/);
  expect(all.out).toMatch(/^ {2}whatsapp\.webhooks: without end$/m);
  expect(await traces(...PERSON)).toEqual([]);
  expect(await traces(OTHER)).toEqual(others);
  for (const { out, err } of [plan, done, all])
    expect(`${out}${err}`).not.toMatch(new RegExp(PERSON.join('|')));
  const [audit] = await rig.sql(`SELECT erased_by, reason, count(*)::integer FROM erasures GROUP BY 1, 2`);
  expect(audit).toEqual({ erased_by: 'ops', reason: 'request 7', count: 4 });
  expect(await rig.sql(`SELECT state, cause FROM dead_letters ORDER BY id`)).toEqual([
    { state: 'discarded', cause: 'invalid' },
    { state: 'open', cause: 'invalid' },
  ]);
  expect((await eraseAll()).out).toBe('They were erased before, and nothing is there of them.\n');
});

it('neither a webhook that comes again, nor a late status, a rebuild or an old backup brings them back', async () => {
  await live2Months();
  expect(await eraseAll()).toMatchObject({ code: 0, err: '' });
  const commands = [
    { id: 'failed-1', state: 'dead-lettered' },
    { id: 'sent-1', state: 'accepted' },
  ];
  const states = () => rig.sql('SELECT command_id AS id, state FROM commands ORDER BY 1');
  expect(await states()).toEqual(commands);
  const { dataSource } = rig.database;
  expect(await tell(...log)).toEqual([]);
  expect(await tell(lateStatus('read', later()), lateStatus('failed', later()))).toEqual([]);
  expect(await traces(...PERSON)).toEqual([]);
  await beginRebuild(dataSource);
  await catchUp(2);
  expect(await traces(...PERSON)).toEqual([]);
  await promoteProjection(dataSource, 2, { catchUpWithinMs: 1000 });
  expect(await rig.sql('SELECT text FROM messages')).toEqual([{ text: 'hello' }, { text: '!' }]);
  expect(await states()).toEqual(commands);

  const events = await tell(said(later(), 'back again', { name: 'Rosalind' }));
  expect(events.map(({ headers }) => headers?.ce_type)).toContain('whatsapp.message.received.v1');
  const fresh = await traces(PHONE, USER_ID);
  expect(fresh.filter((row) => row.includes('contact_identities'))).toHaveLength(4);

  // As of a backup of before, to which the table of erasures was brought.
  const [erasures, ids] = [
    await rig.sql('SELECT * FROM erasures'),
    await rig.sql('SELECT * FROM erased_ids'),
  ];
  expect([erasures.length, ids.length]).toEqual([6, 8]);
  await rig.sql('CREATE TABLE kept AS SELECT * FROM erasures');
  await rig.sql('TRUNCATE erasures, erased_ids');
  await tell(...log.slice(0, 14));
  expect((await traces('secret')).length).toBeGreaterThan(5);
  await rig.sql('INSERT INTO erasures OVERRIDING SYSTEM VALUE SELECT * FROM kept');
  await rig.sql('DROP TABLE kept');
  const again = await erase('--again', '--yes', '-o', 'json');
  expect(again).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(again.out)).toMatchObject({ contacts: 4, rows: { messages: 12 } });
  expect(await traces(PHONE, USER_ID)).toEqual(fresh);
  expect(await traces('secret')).toEqual([]);
});

it('erases what a processor has under way, refuses while commands wait, and says what is wrong', async () => {
  const nobody = await erase('+4930123456', '--reason', 'x', '--yes');
  expect(nobody).toMatchObject({ code: 3, out: '' });
  expect(nobody.err).toMatch(
    /^error: nobody is known by \*{4}3456, and nobody was erased by it: check the digits/,
  );
  expect(await erase('rosa', '--reason', 'x')).toMatchObject({
    code: 2,
    err: expect.stringContaining('a phone like'),
  });
  for (const args of [
    [],
    [PHONE, '--yes'],
    [PHONE, '--reason', 'x'],
    [PHONE, '--again'],
    [PHONE, '--reason', `of +${PHONE}`, '--yes'],
  ])
    expect([args, (await erase(...args)).code]).toEqual([args, 2]);

  await tell(said(0, 'my secret'));
  await rig.park(aCommand('waits'));
  const refused = await eraseAll();
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.err).toMatch(/^error: nothing was erased: 1 commands to them are not done/);
  expect(await rig.sql('SELECT text FROM messages')).toEqual([{ text: 'my secret' }]);
  await rig.sql('DELETE FROM dispatch_backlog');

  let isTold = false;
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const slow: VerifiedProducer = {
    ...keepingProducer(),
    async send({ topic }) {
      isTold = true;
      await held;
      return { topic, partition: 0, offset: 0 };
    },
  };
  log.push(said(1, 'a secret under way'));
  const projecting = catchUp(1, slow);
  await eventually(() => expect(isTold).toBe(true));
  const erasing = eraseAll();
  const waiting = `SELECT FROM pg_locks JOIN pg_database d ON d.oid = database WHERE datname = current_database() AND NOT granted
                   UNION ALL SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'`;
  await eventually(async () => expect(await rig.sql(waiting)).not.toEqual([]));
  goOn();
  await projecting;
  expect(await erasing).toMatchObject({ code: 0, err: '' });
  expect(await traces(...PERSON)).toEqual([]);
});
