import { randomUUID } from 'node:crypto';
import { type SendMessage, topics } from '@talaria/contracts';
import { generateKey } from '@talaria/registry';
import { addMonths, inTransaction, schemaOf, type Sql, sqlOf } from '@talaria/database';
import { type SendResult } from '@talaria/whatsapp';
import { register } from 'prom-client';
import { eventually, testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { readConfig } from '../config';
import { createLedger } from '../ledger/ledger';
import { type BusinessNumber } from '../open-tokens';
import { watchUnknown } from '../ledger/watch-unknown';
import { attempt } from './attempt';
import { type Turn } from './turn';
import { createBreakers } from './breakers';
import { type Job } from './job';

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
}, 60_000);

afterAll(() => database.close());

const config = readConfig({
  KAFKA_BROKERS: 'localhost:9092',
  DATABASE_URL: 'postgres://x@localhost/x',
  SECRETS_KEYS: generateKey(),
  GRAPH_API_TIMEOUT: '2s',
});
const number = {
  phoneNumberId: '100',
  wabaId: '900',
  accessToken: 't',
  messagesPerSecond: 80,
} as BusinessNumber;
const accepted: SendResult = { kind: 'accepted', wamid: 'wamid.1' };
const refused = (code: number): SendResult => ({
  kind: 'refused',
  httpStatus: 400,
  error: { code, title: 'why' },
});

type Point = 'claim' | 'send' | 'settle' | 'tell' | 'deadLetter' | 'retry';

/** What reached the world outside, whichever process did it. */
type World = { sent: number; told: Set<string>; letters: string[]; retries: number };
const aWorld = (): World => ({ sent: 0, told: new Set(), letters: [], retries: 0 });

/** A dispatcher of its own. It dies at a point: there and from there on, nothing happens any more. `after` it: the deed is done, nobody hears. */
const atOnce = () => Promise.resolve(true);

function aProcess(world: World, answer: SendResult, death?: { point: Point; when: 'before' | 'after' }) {
  let die: (how: 'dead') => void = () => undefined;
  const died = new Promise<'dead'>((resolve) => (die = resolve));
  const never = () => (die('dead'), new Promise<never>(() => undefined));
  const passing = async <T>(point: Point, deed: () => T | Promise<T>): Promise<T> => {
    if (death?.point === point && death.when === 'before') return never();
    const result = await deed();
    return death?.point === point ? never() : result;
  };
  const ledger = createLedger(sqlOf(database.dataSource), randomUUID());
  const outlet = {
    tell: (_command: unknown, { state }: { state: string }, { version }: { version: number }) =>
      passing('tell', () => {
        world.told.add(`${version} ${state}`);
      }),
    retry: () =>
      passing('retry', () => {
        world.retries++;
      }),
    comeBack: () => Promise.resolve(),
    ownerPartition: () => 0,
    forward: () => Promise.resolve(),
    moveOn: () => Promise.resolve(),
    deadLetter: (_record: unknown, { cause }: { cause: string }) =>
      passing('deadLetter', () => void world.letters.push(cause)),
  };
  const registry = {
    find: () => number,
    findAccount: () => undefined,
    accounts: () => [],
    isCancelled: () => false,
    cancelled: new Set<string>(),
    apps: () => [],
    inboundPerSecond: () => 0,
    knownSince: 0,
    refresh: () => Promise.resolve(),
    tokenFaults: 0,
    states: () => ({ active: 1, paused: 0, restricted: 0 }),
    stalled: () => undefined,
    close: () => Promise.resolve(),
  };
  const client = {
    send: () =>
      passing('send', () => {
        world.sent++;
        return answer;
      }),
    probe: () => Promise.resolve('well' as const),
    close: () => Promise.resolve(),
  };
  const breakers = createBreakers({ client, registry, logger: testLogger, onChange: () => undefined });
  const dying = {
    ...ledger,
    claim: (claim: Parameters<typeof ledger.claim>[0]) => passing('claim', () => ledger.claim(claim)),
    settle: (settlement: Parameters<typeof ledger.settle>[0]) =>
      passing('settle', () => ledger.settle(settlement)),
  };
  return {
    config,
    ledger: dying,
    registry,
    client,
    outlet,
    breakers,
    logger: testLogger,
    accountLabel: (wabaId: string) => `label of ${wabaId}`,
    died,
  };
}

function aJob(fields: Partial<SendMessage> = {}, offset = 7): Job {
  const command = {
    id: randomUUID(),
    wabaId: '900',
    phoneNumberId: '100',
    to: '+15550001111',
    message: { type: 'text', text: { body: 'hi' } },
    ...fields,
  };
  const record = {
    topic: topics.outbound.name,
    partition: 3,
    offset,
    timestamp: 0,
    key: null,
    value: null,
    headers: {},
  };
  return {
    command,
    record,
    lost: new AbortController().signal,
    isOurs: () => true,
    done: () => undefined,
    addedAt: Date.now(),
    strikes: {},
    isAside: false,
    setAside: () => undefined,
  };
}

const setBack = (job: Job) =>
  database.dataSource.query(
    `UPDATE dispatch_commands SET claimed_at = claimed_at - interval '1 hour' WHERE command_id = $1`,
    [job.command.id],
  );

const rowsOf = (job: Job) =>
  database.dataSource.query<unknown[]>(`SELECT * FROM dispatch_commands WHERE command_id = $1`, [
    job.command.id,
  ]);

/** Runs until the record is finished or the process is dead. */
async function run(process: ReturnType<typeof aProcess>, job: Job): Promise<Turn | 'dead'> {
  for (;;) {
    const turn = await Promise.race([attempt(process, job, atOnce), process.died]);
    if (turn === 'dead' || turn.kind !== 'again') return turn;
    if (turn.afterMs > 1500) return turn;
  }
}

const points = (all: readonly Point[]) =>
  all.flatMap((point) => (['before', 'after'] as const).map((when) => ({ point, when })));

it.each(points(['claim', 'send', 'settle', 'tell']))(
  'dies $when $point of a message that Meta takes: it is sent at most once, and its fate is told',
  async (death) => {
    const world = aWorld();
    const job = aJob();
    expect(await run(aProcess(world, accepted, death), job)).toBe('dead');
    await setBack(job);
    expect(await run(aProcess(world, accepted), job)).toEqual({ kind: 'done' });
    expect(world.sent).toBeLessThanOrEqual(1);
    const isUnknown = ['after claim', 'before send', 'after send', 'before settle'].includes(
      `${death.when} ${death.point}`,
    );
    expect([...world.told]).toEqual([isUnknown ? '1 unknown' : '1 accepted']);
    expect(world.retries).toBe(isUnknown ? 1 : 0);
  },
);

it.each(points(['settle', 'tell', 'deadLetter']))(
  'dies $when $point of a message that Meta refuses: it is among the dead letters or looked for, never gone',
  async (death) => {
    const world = aWorld();
    const job = aJob();
    expect(await run(aProcess(world, refused(131026), death), job)).toBe('dead');
    await setBack(job);
    await run(aProcess(world, refused(131026)), job);
    expect(world.sent).toBe(1);
    if (death.point === 'settle' && death.when === 'before') expect(world.retries).toBe(1);
    else expect(world.letters).toContain('permanent');
  },
);

it.each([
  { what: 'a short delay', code: 131016, seconds: 5, kind: 'again', told: ['1 retrying'], retries: 0 },
  { what: 'a long delay', code: 131016, seconds: 60, kind: 'done', told: ['1 retrying'], retries: 1 },
  { what: 'a number that is too fast', code: 130429, seconds: 60, kind: 'again', told: [], retries: 0 },
])(
  'a command that comes again before its next attempt is due is not tried before, after $what',
  async ({ code, seconds, kind, told, retries }) => {
    const world = aWorld();
    const job = aJob();
    const answer = { ...refused(code), retryAfterMs: seconds * 1000 } as SendResult;
    expect(await run(aProcess(world, answer, { point: 'settle', when: 'after' }), job)).toBe('dead');
    const next = aProcess(world, accepted);
    const turn = await attempt(next, job, atOnce);
    expect(turn.kind).toBe(kind);
    if (turn.kind === 'again') expect(turn.afterMs / 1000 / seconds).toBeGreaterThan(0.5);
    expect(world).toMatchObject({ sent: 1, told: new Set(told), retries });
    await database.dataSource.query(
      `UPDATE dispatch_commands SET outcome = outcome || '{"nextAttemptAt": "2026-01-01T00:00:00.000Z"}' WHERE command_id = $1`,
      [job.command.id],
    );
    expect(await attempt(next, job, atOnce)).toEqual({ kind: 'done' });
    expect(world.sent).toBe(2);
  },
);

const metric = async (line: string) => {
  const text = await register.metrics();
  return Number(
    text
      .split('\n')
      .find((one) => one.startsWith(`${line} `))
      ?.slice(line.length + 1),
  );
};

it("Meta's answers are counted by its code, and what they led to by account", async () => {
  const codes = () =>
    Promise.all(
      ['ok', 'none', 'other', '131026'].map((code) =>
        metric(`talaria_graph_api_responses_total{code="${code}"}`),
      ),
    );
  const ofAccount = 'talaria_dispatch_account_attempts_total{waba_id="label of 900",outcome="dead-letter"}';
  const before = await codes();
  const deadBefore = (await metric(ofAccount)) || 0;
  const answers = [
    accepted,
    { kind: 'unknown' as const, reason: 'ECONNRESET' },
    refused(424242),
    refused(131026),
  ];
  for (const answer of answers) await attempt(aProcess(aWorld(), answer), aJob(), atOnce);
  expect((await codes()).map((count, index) => count - before[index]!)).toEqual([1, 1, 1, 1]);
  expect(await metric(ofAccount)).toBe(deadBefore + 2);
});

it('of how many commands nobody knows whether they were sent is shown, and since when', async () => {
  await database.dataSource.query('TRUNCATE dispatch_commands');
  const watching = watchUnknown(sqlOf(database.dataSource), testLogger, 20);
  const shown = async () => [
    await metric('talaria_dispatch_unknown_commands'),
    Math.round((await metric('talaria_dispatch_unknown_oldest_seconds')) / 60),
  ];
  await eventually(async () => expect(await shown()).toEqual([0, 0]));
  const job = aJob();
  await attempt(aProcess(aWorld(), { kind: 'unknown', reason: 'ECONNRESET' }), job, atOnce);
  await database.dataSource.query(`UPDATE dispatch_commands SET unknown_since = now() - interval '1 hour'`);
  await eventually(async () => expect(await shown()).toEqual([1, 60]));
  await watching.close();
});

describe('a call that waits for the limit of its number', () => {
  it('and is not to leave gives its claim back: another process may send it at once', async () => {
    const world = aWorld();
    const job = aJob();
    const turn = await attempt(aProcess(world, accepted), job, () => Promise.resolve(false));
    expect(turn).toMatchObject({ kind: 'again' });
    expect([world.sent, world.told.size]).toEqual([0, 0]);
    expect(await attempt(aProcess(world, accepted), job, atOnce)).toEqual({ kind: 'done' });
    expect([world.sent, [...world.told]]).toEqual([1, ['1 accepted']]);
  });

  it('is not made when the command has expired meanwhile', async () => {
    const world = aWorld();
    const expiresAt = new Date(Date.now() + 1500);
    const job = aJob({ expiresAt: expiresAt.toISOString() });
    const untilExpired = async () => {
      await eventually(() => expect(Date.now()).toBeGreaterThan(expiresAt.getTime()));
      return true;
    };
    expect(await attempt(aProcess(world, accepted), job, untilExpired)).toEqual({ kind: 'done' });
    expect(world).toMatchObject({ sent: 0, letters: ['expired'] });
  });
});

describe('a command of strict order', () => {
  const makeDue = (job: Job) =>
    database.dataSource.query(
      `UPDATE dispatch_commands SET outcome = outcome || '{"nextAttemptAt": "2026-01-01T00:00:00.000Z"}' WHERE command_id = $1`,
      [job.command.id],
    );

  it('waits out in its lane what others wait out in a retry topic, also after a restart', async () => {
    const world = aWorld();
    const job = aJob({ order: 'strict' });
    const answer = { ...refused(131016), retryAfterMs: 60_000 } as SendResult;
    const before = await attempt(aProcess(world, answer), job, atOnce);
    expect(before).toMatchObject({ kind: 'again', isLong: true });
    const next = aProcess(world, accepted);
    const come = { ...aJob(job.command), command: job.command };
    const after = await attempt(next, come, atOnce);
    expect(after).toMatchObject({ kind: 'again', isLong: true });
    expect(after.kind === 'again' && after.afterMs / 60_000).toBeGreaterThan(0.9);
    await makeDue(job);
    expect(await attempt(next, come, atOnce)).toEqual({ kind: 'done' });
    expect(world).toMatchObject({ sent: 2, retries: 0, told: new Set(['1 retrying', '2 accepted']) });
  });

  it('holds nobody up for longer than it may be sent', async () => {
    const job = aJob({ order: 'strict', expiresAt: new Date(Date.now() + 20_000).toISOString() });
    const answer = { ...refused(131016), retryAfterMs: 60_000 } as SendResult;
    const turn = await attempt(aProcess(aWorld(), answer), job, atOnce);
    expect(turn.kind === 'again' && turn.afterMs).toBeLessThanOrEqual(20_000);
  });

  it.each([
    ['dead-letter', ['1 unknown', '2 dead-lettered'], 1],
    ['resend', ['1 unknown', '2 accepted'], 2],
  ] as const)('waits there until it is known whether it was sent, or %s', async (onUnknown, told, sent) => {
    const world = aWorld();
    const job = aJob({ order: 'strict', onUnknown });
    const lost = aProcess(world, { kind: 'unknown', reason: 'ECONNRESET' });
    const next = aProcess(world, accepted);
    const restarted = { ...aJob(), command: job.command };
    for (const [process, come] of [
      ...[[lost, job] as const, [lost, job] as const],
      ...[[next, restarted] as const, [next, restarted] as const],
    ]) {
      const turn = await attempt(process, come, atOnce);
      expect(turn).toMatchObject({ kind: 'again', isLong: true });
      expect(turn.kind === 'again' && turn.afterMs).toBeGreaterThan(1000);
    }
    await database.dataSource.query(
      `UPDATE dispatch_commands SET unknown_since = now() - interval '1 day' WHERE command_id = $1`,
      [job.command.id],
    );
    expect(await run(next, restarted)).toEqual({ kind: 'done' });
    expect(world).toMatchObject({ sent, retries: 0, told: new Set(told) });
  });
});

it('a claim whose answer was lost is gone on with: it does not wait for itself', async () => {
  const world = aWorld();
  const job = aJob();
  const process = aProcess(world, accepted);
  const lossy = (done: { claim: number }): typeof process => ({
    ...process,
    ledger: {
      ...process.ledger,
      async claim(claim) {
        const answer = await process.ledger.claim(claim);
        if (done.claim++ === 0) throw new Error('connection lost');
        return answer;
      },
    },
  });
  const dependencies = lossy({ claim: 0 });
  await expect(attempt(dependencies, job, atOnce)).rejects.toThrow('connection lost');
  expect(await attempt(dependencies, job, atOnce)).toEqual({ kind: 'done' });
  expect(world).toMatchObject({ sent: 1, told: new Set(['1 accepted']) });
});

it.each([
  ['failed', { delivered: false, sent: 2 }],
  ['is unknown', { delivered: false, sent: 2 }],
  ['failed', { delivered: true, sent: 1 }],
  ['is unknown', { delivered: true, sent: 1 }],
] as const)(
  'a command whose message %s is tried again, unless a status tells that the customer has it: %j',
  async (what, { delivered, sent }) => {
    const world = aWorld();
    const job = aJob({ onUnknown: 'resend' });
    const first: SendResult = what === 'failed' ? accepted : { kind: 'unknown', reason: 'ECONNRESET' };
    await attempt(aProcess(world, first), job, atOnce);
    await database.dataSource.query(
      `UPDATE dispatch_commands SET state = 'retrying', version = 2, outcome = '{"state": "retrying"}' WHERE command_id = $1`,
      [job.command.id],
    );
    const wamid = `wamid.${job.command.id}`;
    await inTransaction(database.dataSource, async (project) => {
      await project(`SET LOCAL search_path TO ${schemaOf(1)}`);
      await addMonths(project, ['2026-06-01']);
      await project(
        `INSERT INTO messages (phone_number_id, wamid, month, arrived_at, direction, waba_id, command_id, sent_at, failed_at, delivered_at)
       VALUES ('100', $1, '2026-06-01', now(), 'outbound', '900', $2, now(), now(), $3)`,
        [wamid, job.command.id, delivered ? new Date() : null],
      );
    });
    const again = { ...job, record: { ...job.record, topic: topics.outboundRetry30s.name, offset: 1 } };
    expect(await run(aProcess(world, accepted), again)).toEqual({ kind: 'done' });
    expect(world.sent).toBe(sent);
    expect([...world.told].at(-1)).toBe('3 accepted');
    const attempts = sent;
    expect(await rowsOf(job)).toMatchObject([
      { state: 'accepted', attempts, wamid: delivered ? wamid : 'wamid.1' },
    ]);
  },
);

it('an outcome whose recording was not confirmed is recorded again, and told', async () => {
  const world = aWorld();
  let losses = 1;
  const sql: Sql = async (text, parameters) => {
    const rows = await sqlOf(database.dataSource)(text, parameters);
    if (text.includes('UPDATE dispatch_commands') && losses-- > 0) throw new Error('connection lost');
    return rows as never;
  };
  const process = { ...aProcess(world, accepted), ledger: createLedger(sql, randomUUID()) };
  expect(await attempt(process, aJob(), atOnce)).toEqual({ kind: 'done' });
  expect(world).toMatchObject({ sent: 1, told: new Set(['1 accepted']) });
});

it('a fate that was found out and not told before a crash is told by the record that led to it', async () => {
  for (const onUnknown of ['dead-letter', 'resend'] as const) {
    const world = aWorld();
    const first = aJob({ onUnknown });
    await run(aProcess(world, { kind: 'unknown', reason: 'ECONNRESET' }), first);
    const again = { ...first, record: { ...first.record, topic: topics.outboundRetry30s.name, offset: 1 } };
    const late = `UPDATE dispatch_commands SET unknown_since = now() - interval '1 day', attempts = 7 WHERE command_id = $1`;
    await database.dataSource.query(late, [first.command.id]);
    expect(await run(aProcess(world, accepted, { point: 'tell', when: 'before' }), again)).toBe('dead');
    world.letters = [];
    expect(await run(aProcess(world, accepted), again)).toEqual({ kind: 'done' });
    expect([...world.told]).toEqual(['1 unknown', '2 dead-lettered']);
    expect(world).toMatchObject({ sent: 1, letters: ['ambiguous'] });
  }
});

it('what may be sent again and expired meanwhile ends as unknown, not as if it had never been sent', async () => {
  const world = aWorld();
  const first = aJob({ onUnknown: 'resend', expiresAt: new Date(Date.now() + 3000).toISOString() });
  await run(aProcess(world, { kind: 'unknown', reason: 'ECONNRESET' }), first);
  await eventually(() => expect(Date.now()).toBeGreaterThan(Date.parse(first.command.expiresAt!)));
  await database.dataSource.query(
    `UPDATE dispatch_commands SET unknown_since = now() - interval '1 day' WHERE command_id = $1`,
    [first.command.id],
  );
  const again = { ...first, record: { ...first.record, topic: topics.outboundRetry30s.name, offset: 1 } };
  expect(await run(aProcess(world, accepted), again)).toEqual({ kind: 'done' });
  expect(world).toMatchObject({ sent: 1, letters: ['ambiguous'] });
});

it('a claim that is not ours any more when it is confirmed is given back: the next owner sends it, once', async () => {
  const world = aWorld();
  const job = aJob();
  expect(await attempt(aProcess(world, accepted), { ...job, isOurs: () => false }, atOnce)).toMatchObject({
    kind: 'again',
  });
  expect(world.sent).toBe(0);
  expect(await attempt(aProcess(world, accepted), job, atOnce)).toEqual({ kind: 'done' });
  expect(world).toMatchObject({ sent: 1, told: new Set(['1 accepted']) });
  expect(await rowsOf(job)).toMatchObject([{ attempts: 1, version: 1 }]);
});

it('what the next owner has called unknown is known again when the last one gives its claim back', async () => {
  const world = aWorld();
  const job = aJob();
  const frozen = aProcess(world, accepted);
  let wake: () => void = () => undefined;
  const woken = new Promise<void>((resolve) => (wake = resolve));
  const claim: typeof frozen.ledger.claim = async (one) => {
    const claimed = await frozen.ledger.claim(one);
    await setBack(job);
    await run(aProcess(world, accepted), job);
    return woken.then(() => claimed);
  };
  const late = attempt(
    { ...frozen, ledger: { ...frozen.ledger, claim } },
    { ...job, isOurs: () => false },
    atOnce,
  );
  await eventually(() => expect(world.retries).toBe(1));
  wake();
  await late;
  const retried = { ...job, record: { ...job.record, topic: topics.outboundRetry30s.name, offset: 1 } };
  expect(await run(aProcess(world, accepted), retried)).toEqual({ kind: 'done' });
  expect(world).toMatchObject({ sent: 1, told: new Set(['1 unknown', '2 accepted']) });
});

it('a call of a living process is waited for, not called unknown', async () => {
  const world = aWorld();
  const job = aJob();
  expect(await run(aProcess(world, accepted, { point: 'send', when: 'before' }), job)).toBe('dead');
  expect(await attempt(aProcess(world, accepted), aJob({ id: job.command.id }, 99), atOnce)).toEqual({
    kind: 'again',
    afterMs: 1000,
  });
  expect(world).toMatchObject({ sent: 0, told: new Set() });
});

it.each([
  ['accepted', accepted, '1 accepted'],
  ['to be retried', refused(131016), '1 retrying'],
  ['unknown', { kind: 'unknown', reason: 'ECONNRESET' } as const, '1 unknown'],
  ['dead-lettered', refused(131026), '1 dead-lettered'],
])(
  'another command with the id of one that is %s is a dead letter, and nothing else',
  async (_, answer, told) => {
    const world = aWorld();
    const job = aJob();
    await attempt(aProcess(world, answer), job, atOnce);
    const [before] = await rowsOf(job);
    const letters = world.letters.length;
    const message = { type: 'text', text: { body: 'something else' } };
    const other = aJob({ id: job.command.id, message }, 8);
    for (const delivery of [1, 2]) {
      expect(await run(aProcess(world, accepted), other)).toEqual({ kind: 'done' });
      expect(world.letters.slice(letters)).toEqual(Array.from({ length: delivery }, () => 'conflict'));
    }
    expect(world).toMatchObject({ sent: 1, told: new Set([told]) });
    expect(await rowsOf(job)).toEqual([before]);
  },
);

it('a number that is not known yet is looked up before anything is claimed or given up', async () => {
  const world = aWorld();
  const process = aProcess(world, accepted);
  const job = aJob();
  const stale = {
    ...process,
    registry: { ...process.registry, find: () => undefined, knownSince: job.addedAt - 1 },
  };
  expect(await attempt(stale, job, atOnce)).toMatchObject({ kind: 'again' });
  const fresh = {
    ...process,
    registry: { ...process.registry, find: () => undefined, knownSince: job.addedAt + 1 },
  };
  expect(await attempt(fresh, job, atOnce)).toEqual({ kind: 'done' });
  expect(world).toMatchObject({ sent: 0, letters: ['invalid'] });
});

it('a number whose token does not open sends nothing: the claim is given back, nothing spent, and it goes out when the token is mended', async () => {
  const world = aWorld();
  const process = aProcess(world, accepted);
  const job = aJob();
  const sealed = {
    ...process,
    registry: { ...process.registry, find: () => ({ ...number, accessToken: undefined }) },
  };
  for (let turn = 0; turn < 2; turn += 1)
    expect(await attempt(sealed, job, atOnce)).toMatchObject({ kind: 'again' });
  expect(world).toMatchObject({ sent: 0, told: new Set(), letters: [] });
  expect(await attempt(process, job, atOnce)).toEqual({ kind: 'done' });
  expect(world).toMatchObject({ sent: 1, told: new Set(['1 accepted']) });
});
