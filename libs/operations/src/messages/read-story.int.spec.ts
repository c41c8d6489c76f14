import { topics } from '@talaria/contracts';
import { inTransaction, type Sql } from '@talaria/database';
import {
  aMessage,
  aTextMessage,
  aWebhook,
  NUMBER,
  PHONE,
  SECONDS,
  USER_ID,
  WABA,
} from '../../../../apps/processor/testing/records';
import { type Outcome } from '../../../../apps/dispatcher/src/ledger/ledger';
import {
  aCommand,
  at,
  commandRecord,
  type MessageRig,
  openMessageRig,
  TRACE,
} from '../../../../test/kit/message-rig';
import { findMessages, type MessageAsked } from './find-messages';
import { readStory, type StoryOptions } from './read-story';
import { timelineOf } from './story';

let rig: MessageRig;
let sql: Sql;
/** What the operations have asked, to be explained. */
const asked: [string, readonly unknown[]][] = [];

beforeAll(async () => {
  rig = await openMessageRig();
  sql = (text, parameters = []) => {
    asked.push([text, parameters]);
    return rig.sql(text, parameters);
  };
}, 60_000);
afterAll(() => rig.close());

async function storyOf(name: MessageAsked, options: Partial<StoryOptions> = {}) {
  const found = await findMessages(sql, name);
  expect(found).toHaveLength(1);
  return readStory(sql, found[0]!, { withContent: false, now: at(100).getTime(), ...options });
}

const waitsOf = async (id: string) => (await storyOf({ id })).waits;

describe('a message that was sent', () => {
  const command = aCommand('sent-1');

  beforeAll(() => rig.sent(command, 'wamid.sent'));

  it('has one story, by command id, by wamid, and by phone and time', async () => {
    const story = await storyOf({ id: command.id });
    expect(await storyOf({ id: 'wamid.sent' })).toEqual(story);
    const near = { phone: PHONE, at: at(30), withinMs: 26_000 };
    const found = await findMessages(sql, near);
    expect(found.map(({ wamid }) => wamid)).toEqual(['wamid.sent.reaction', 'wamid.sent']);
    expect(await findMessages(sql, { ...near, withinMs: 5000 })).toEqual([]);
    expect(timelineOf(story).map(({ what, detail }) => [what, detail])).toEqual([
      ['retrying', 'attempt 1, transient 131016, unavailable, fbtrace_id AbC'],
      ['accepted', 'attempt 2, call of 500 ms'],
      ['sent', 'charged utility regular PMP'],
      ['delivered', 'charged utility regular PMP'],
      ['reaction', 'of ****1234'],
    ]);
    expect(story).toMatchObject({
      ...{ wabaId: WABA, phoneNumberId: NUMBER, waits: [], traceIds: ['aa'.repeat(16)] },
      command: {
        state: 'accepted',
        campaignId: 'spring',
        correlationId: 'order 7',
        recipient: '****1234',
        asked: null,
      },
    });
  });

  it('tells what its publisher wrote when its record can be read, and whole phones and texts only when asked for', async () => {
    const places: unknown[] = [];
    const fetchRecord: StoryOptions['fetchRecord'] = (...place) => {
      places.push(place);
      return Promise.resolve(commandRecord(command));
    };
    const masked = await storyOf({ id: command.id }, { fetchRecord });
    expect(places).toEqual([[topics.outbound.name, 3, 77]]);
    expect(masked.command?.asked).toMatchObject({
      at: at(0),
      priority: 'notification',
      type: 'text',
      traceId: TRACE,
    });
    expect(masked.traceIds).toEqual([TRACE, 'aa'.repeat(16)]);
    const shown = await storyOf({ id: command.id }, { fetchRecord, withContent: true });
    for (const secret of [PHONE, 'a secret', '👍']) {
      expect(JSON.stringify(masked)).not.toContain(secret);
      expect(JSON.stringify(shown)).toContain(secret);
    }
  });

  it('is found by a phone that Meta has linked with the user id under which it lies', async () => {
    await rig.told(
      aWebhook({
        value: {
          messages: [
            {
              ...aTextMessage({ id: 'wamid.by-id', timestamp: String(SECONDS + 90_000) }),
              from: undefined,
              from_user_id: USER_ID,
            },
          ],
        },
      }),
    );
    const found = await findMessages(sql, { phone: PHONE, at: at(90_000), withinMs: 1000 });
    expect(found).toMatchObject([{ wamid: 'wamid.by-id', contact: '****1918', direction: 'inbound' }]);
  });
});

it('an id that several accounts have means each of them, until one is named', async () => {
  for (const wabaId of [WABA, '900']) await rig.settled(aCommand('twice', { wabaId }), undefined);
  expect((await findMessages(sql, { id: 'twice' })).map(({ wabaId }) => wabaId).sort()).toEqual([
    WABA,
    '900',
  ]);
  expect((await storyOf({ id: 'twice', wabaId: '900' })).wabaId).toBe('900');
});

it('a wamid of which both ends are ours means either, until a number is named', async () => {
  for (const phoneNumberId of ['1', '2'])
    await rig.told(aWebhook({ phoneNumberId, value: { messages: [aTextMessage({ id: 'wamid.both' })] } }));
  expect(await findMessages(sql, { id: 'wamid.both' })).toHaveLength(2);
  expect((await storyOf({ id: 'wamid.both', phoneNumberId: '2' })).messages).toMatchObject([
    { phoneNumberId: '2' },
  ]);
});

it('an incoming message has its edit and its end', async () => {
  const effect = (type: string, seconds: number) =>
    aWebhook({
      value: {
        messages: [
          aMessage(type, {
            timestamp: String(SECONDS + seconds),
            [type]: { original_message_id: 'wamid.in', message: { type: 'text', text: { body: 'better' } } },
          }),
        ],
      },
    });
  await rig.told(
    aWebhook({ value: { messages: [aTextMessage({ id: 'wamid.in' })] } }),
    effect('edit', 3),
    effect('revoke', 9),
  );
  const story = await storyOf({ id: 'wamid.in' });
  expect(timelineOf(story).map(({ at: when, what }) => [when, what])).toEqual([
    [at(0), 'received'],
    [at(3), 'edited'],
    [at(9), 'revoked'],
  ]);
  expect(story).toMatchObject({ command: null, waits: [] });
});

describe('a command that waits', () => {
  it('stands in the backlog behind others, and says what holds all of them back', async () => {
    await rig.park(
      aCommand('before-1'),
      aCommand('before-2'),
      aCommand('parked'),
      aCommand('first', { priority: 'reply' }),
    );
    expect(await waitsOf('parked')).toMatchObject([
      { kind: 'backlog', priority: 'notification', partition: 3, ahead: 2, isMore: false, higher: 1 },
    ]);
    const run = rig.sql;
    await run(`UPDATE wabas SET paused_until = 'infinity', paused_reason = 'complaint' WHERE waba_id = $1`, [
      WABA,
    ]);
    await run(`UPDATE wabas SET restricted_until = 'infinity', restricted_reason = 'ACCOUNT_DELETED'`);
    await run(`UPDATE apps SET paused_until = now() + interval '1 hour'`);
    await run(`INSERT INTO cancelled_campaigns (waba_id, campaign_id) VALUES ($1, 'spring')`, [WABA]);
    const story = await storyOf({ id: 'parked' });
    expect(story.waits.slice(1)).toEqual([
      { kind: 'paused', who: 'account', id: WABA, until: null, reason: 'complaint' },
      { kind: 'paused', who: 'account', id: WABA, until: null, reason: 'Meta: ACCOUNT_DELETED' },
      { kind: 'paused', who: 'app', id: 'default', until: expect.any(Date), reason: null },
      { kind: 'cancelled', campaignId: 'spring', at: expect.any(Date) },
    ]);
    expect(story.command).toMatchObject({
      state: 'parked',
      asked: { priority: 'notification', offset: expect.any(Number) },
    });
    await run(`UPDATE wabas SET paused_until = NULL, restricted_until = NULL`);
    await run(`UPDATE apps SET paused_until = NULL`);
    await run('TRUNCATE cancelled_campaigns');
  });

  const error = { class: 'transient', message: 'm' };
  const until = (seconds: number) => ({
    at: at(0).toISOString(),
    nextAttemptAt: at(seconds).toISOString(),
    error,
  });
  it.each<[string, Outcome | undefined, object]>([
    ['attempting', undefined, { kind: 'attempt' }],
    [
      'soon',
      { state: 'retrying', ...until(4) },
      { kind: 'retry', topic: null, dueAt: at(4), isOverdue: true },
    ],
    [
      'later',
      { state: 'retrying', ...until(310) },
      { kind: 'retry', topic: topics.outboundRetry5m.name, dueAt: at(310), isOverdue: false },
    ],
    [
      'throttled',
      { state: 'retrying', ...until(4), pause: 'number' },
      { kind: 'throttled', by: 'number', dueAt: at(4) },
    ],
    ['lost', { state: 'unknown', ...until(30) }, { kind: 'status', dueAt: at(30), since: expect.any(Date) }],
  ])('%s says so', async (id, outcome, wait) => {
    await rig.settled(aCommand(id), outcome);
    expect(await waitsOf(id)).toMatchObject([wait]);
  });
});

it('a dead letter tells why, and who sent it again or discarded it', async () => {
  const command = aCommand('dead');
  const id = await rig.aLetter(command, 'permanent');
  await inTransaction(rig.database.dataSource, async (run) => {
    await run(
      `INSERT INTO redrives (begun_by, reason, filter, per_second, letters, causes) VALUES ('ada', 'ticket 12', '{}', 1, 1, '{}')`,
    );
    await run(
      `UPDATE dead_letters SET state = 'redriven', redrive = (SELECT max(id) FROM redrives) WHERE id = $1`,
      [id],
    );
  });
  const story = await storyOf({ id: 'dead' });
  expect(timelineOf(story).map(({ what, detail }) => [what, detail])).toEqual([
    ['asked', 'priority notification'],
    ['dead letter', `${id}, permanent, 131047`],
    ['re-driven', `letter ${id} by ada: ticket 12`],
  ]);
  expect(story.command).toMatchObject({ state: 'dead-lettered', cause: 'permanent', errorCode: 131047 });
});

it('what nobody has heard of is not found', async () => {
  expect(await findMessages(sql, { id: 'nobody' })).toEqual([]);
  expect(await findMessages(sql, { id: 'wamid.nobody=' })).toEqual([]);
});

type Plan = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly Plan[];
};

/** Scans of tables that begin nowhere in an index; of a condition on its later columns alone, newer Postgres makes many small ones. */
function scansWithoutIndex(plan: Plan, firstColumns: ReadonlyMap<string, string>): string[] {
  const {
    'Node Type': type,
    'Relation Name': table,
    'Index Name': index = '',
    'Index Cond': condition = '',
  } = plan;
  const reads =
    type.endsWith('Scan') &&
    !/CTE|Subquery|Bitmap Heap/.test(type) &&
    table !== 'wabas' &&
    index !== 'wabas_pkey';
  const column = firstColumns.get(index);
  const isFound = column !== undefined && condition.includes(`${column} `);
  return [
    ...(reads && !isFound && (table !== undefined || index !== '')
      ? [`${type} of ${table ?? index} ${condition}`]
      : []),
    ...(plan.Plans ?? []).flatMap((one) => scansWithoutIndex(one, firstColumns)),
  ];
}

// The last, so that all the statements of the others are known. Of the accounts each is looked at: there are as many as a team has.
it('no question reads a table but by an index', async () => {
  expect(asked.length).toBeGreaterThan(100);
  const columns = await rig.sql<{ name: string; column: string }>(
    `SELECT c.relname AS name, a.attname AS column FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]`,
  );
  const firstColumns = new Map(columns.map(({ name, column }) => [name, column]));
  await inTransaction(rig.database.dataSource, async (run) => {
    await run('SET LOCAL enable_seqscan = off');
    for (const [text, parameters] of new Map(asked)) {
      const [row] = await run<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
        `EXPLAIN (FORMAT JSON) ${text}`,
        parameters,
      );
      expect([text, scansWithoutIndex(row!['QUERY PLAN'][0].Plan, firstColumns)]).toEqual([text, []]);
    }
  });
});
