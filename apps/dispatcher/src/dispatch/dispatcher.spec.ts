import { eventually } from '../../../../test/kit/eventually';
import { testLogger } from '../../../../test/kit/logger';
import { generateKey } from '@talaria/registry';
import { readConfig } from '../config';
import { type Claimed } from '../ledger/ledger';
import { type BusinessNumber } from '../open-tokens';
import { type Registry } from '../registry';
import { type AttemptDependencies } from './turn';
import { createDispatcher } from './dispatcher';
import { type Job } from './job';

const number = {
  phoneNumberId: '100',
  wabaId: '900',
  accessToken: 't',
  messagesPerSecond: 1000,
  pausedUntil: null,
} as BusinessNumber;

/** A dispatcher whose claims answer when the test says so. */
function rig(
  claim: () => Promise<Claimed>,
  ownedShare = () => 1,
  known: object = {},
  release: () => Promise<void> = () => Promise.resolve(),
  clock: { now(): number } = performance,
) {
  const env = {
    KAFKA_BROKERS: 'localhost:9092',
    DATABASE_URL: 'postgres://x@localhost/x',
    SECRETS_KEYS: generateKey(),
  };
  const dependencies = {
    config: readConfig(env),
    registry: Object.setPrototypeOf(known, {
      find: () => number,
      findAccount: () => undefined,
      accounts: () => [],
      apps: () => [],
      isCancelled: () => false,
      cancelled: new Set<string>(),
      inboundPerSecond: () => 0,
      knownSince: Infinity,
    }) as Registry,
    ledger: { claim, release },
    outlet: { tell: () => Promise.resolve() },
    logger: testLogger,
  } as unknown as AttemptDependencies;
  return createDispatcher({ ...dependencies, ownedShare, clock });
}

const settled: Claimed = {
  kind: 'taken',
  row: { state: 'accepted', outcome: null, source: { topic: '', partition: 0, offset: 0 } } as never,
};

function aJob(offset: number, done: () => void, fields: { id?: string; lost?: AbortSignal } = {}): Job {
  const { id = `c${offset}`, lost = new AbortController().signal } = fields;
  const command = {
    id,
    wabaId: '900',
    phoneNumberId: '100',
    to: `+1555${offset}`,
    message: { type: 'text' },
  };
  const record = {
    topic: 'whatsapp.outbound',
    partition: 0,
    offset,
    timestamp: 0,
    key: null,
    value: null,
    headers: {},
  };
  return {
    command,
    record,
    lost,
    isOurs: () => !lost.aborted,
    done,
    addedAt: 0,
    strikes: {},
    isAside: false,
    setAside: () => undefined,
  };
}

it('while one of strict order waits for long, it and those behind it leave their room in memory to others', async () => {
  const row = {
    ...{ state: 'retrying', version: 1, attempts: 1, source: { topic: '', partition: 0, offset: 0 } },
    outcome: { state: 'retrying', nextAttemptAt: new Date(Date.now() + 60_000).toISOString() },
  };
  const dispatcher = rig(() => Promise.resolve({ kind: 'taken', row } as never));
  const aside: number[] = [];
  const aStrict = (offset: number, to: string): Job => {
    const job = aJob(offset, () => undefined);
    return Object.assign(job, {
      command: Object.assign(job.command, { to, order: 'strict' }),
      setAside: () => {
        job.isAside = true;
        aside.push(offset);
      },
    });
  };
  for (const offset of [1, 2]) dispatcher.add(aStrict(offset, '+15550'));
  await eventually(() => expect(aside).toHaveLength(2));
  dispatcher.add(aStrict(3, '+15550'));
  dispatcher.add(aStrict(4, '+15551'));
  expect(aside).toEqual([1, 2, 3]);
  await dispatcher.stop();
});

it('is not alive when a turn hangs, by a clock that stands while what it needs is away', async () => {
  let now = 0;
  let answer: (claimed: Claimed) => void = () => undefined;
  const claim = () => new Promise<Claimed>((resolve) => (answer = resolve));
  const dispatcher = rig(claim, () => 1, {}, undefined, { now: () => now });
  const done = jest.fn();
  dispatcher.add(aJob(1, done));
  await eventually(() => expect(dispatcher.inFlight).toBe(1));
  now = 130_000;
  expect(dispatcher.fault()).toBeUndefined();
  now = 136_000;
  expect(dispatcher.fault()).toBe('a turn of a command is not over after 135 s');
  answer(settled);
  await eventually(() => expect(done).toHaveBeenCalled());
  expect(dispatcher.fault()).toBeUndefined();
  await dispatcher.stop();
});

it('starts nothing of partitions that were lost, and forgets it', async () => {
  const dispatcher = rig(() => Promise.resolve(settled));
  const lost = new AbortController();
  const finished: number[] = [];
  for (let n = 0; n < 10; n++) dispatcher.add(aJob(n, () => finished.push(n), { lost: lost.signal }));
  lost.abort();
  while (dispatcher.queued + dispatcher.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(finished).toEqual([]);
  await dispatcher.stop();
});

it('what may have been claimed is given back when its partition is lost, as soon as that can be recorded, and not before', async () => {
  const released = jest.fn(() => Promise.resolve());
  released.mockRejectedValueOnce(new Error('the database is away'));
  const claims: string[] = [];
  const claim = () => (claims.push('claim'), Promise.reject(new Error('the answer was lost')));
  const dispatcher = rig(claim, () => 1, {}, released);
  const lost = new AbortController();
  dispatcher.add(aJob(1, () => undefined, { lost: lost.signal }));
  dispatcher.add(aJob(2, () => undefined));
  await eventually(() => expect(claims.length).toBeGreaterThanOrEqual(4));
  expect(released).not.toHaveBeenCalled();
  lost.abort();
  await eventually(() => expect(released).toHaveBeenCalledTimes(2), 5000);
  expect(released).toHaveBeenCalledWith({ wabaId: '900', commandId: 'c1' });
  await dispatcher.stop();
  expect(released).toHaveBeenLastCalledWith({ wabaId: '900', commandId: 'c2' });
  expect(released).toHaveBeenCalledTimes(3);
}, 15_000);

it('starts nothing of a partition that somebody else may have by now, and goes on when it has turned out to be ours', async () => {
  let claims = 0;
  let asked = 0;
  const dispatcher = rig(() => (claims++, Promise.resolve(settled)));
  const finished = new Promise<void>((done) =>
    dispatcher.add({ ...aJob(1, done), isOurs: () => asked++ >= 3 }),
  );
  while (asked < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(claims).toBe(0);
  await finished;
  expect(claims).toBe(1);
  await dispatcher.stop();
});

it('has one turn of a command under way, whatever asks for it', async () => {
  let claims = 0;
  let answer: (claimed: Claimed) => void = () => undefined;
  const dispatcher = rig(() => {
    claims++;
    return new Promise((resolve) => (answer = resolve));
  });
  const finished: number[] = [];
  for (const offset of [1, 2, 3]) dispatcher.add(aJob(offset, () => finished.push(offset), { id: 'same' }));
  while (dispatcher.queued + dispatcher.inFlight < 3 || claims === 0 || dispatcher.inFlight > 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(claims).toBe(1);
  answer(settled);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(finished).toHaveLength(1);
  await dispatcher.stop();
});

it('tries a command again when the ledger does not answer, and finishes nothing meanwhile', async () => {
  let claims = 0;
  const dispatcher = rig(() =>
    claims++ === 0 ? Promise.reject(new Error('away')) : Promise.resolve(settled),
  );
  await new Promise<void>((done) => dispatcher.add(aJob(1, done)));
  expect(claims).toBe(2);
  await dispatcher.stop();
});

it('what makes no call takes nothing of what its recipient may get: records that come again, and turns that break off', async () => {
  let claims = 0;
  const dispatcher = rig(() =>
    claims++ === 50 ? Promise.reject(new Error('away')) : Promise.resolve(settled),
  );
  const finished: number[] = [];
  for (let offset = 0; offset < 100; offset++) {
    const job = aJob(offset, () => finished.push(offset));
    dispatcher.add(Object.assign(job, { command: Object.assign(job.command, { to: '+15550' }) }));
  }
  await eventually(() => expect(finished).toHaveLength(100), 4000);
  await dispatcher.stop();
});

it('records of commands that have ended take nothing of the rate of their number', async () => {
  const slow = Object.assign({}, number, { messagesPerSecond: 1 });
  const dispatcher = rig(
    () => Promise.resolve(settled),
    () => 1,
    { find: () => slow },
  );
  const finished: number[] = [];
  for (let offset = 0; offset < 100; offset++) dispatcher.add(aJob(offset, () => finished.push(offset)));
  await eventually(() => expect(finished).toHaveLength(100), 10_000);
  await dispatcher.stop();
});

it('rests while all that it waits for is due in a month', async () => {
  let pumps = 0;
  const dispatcher = rig(
    () => Promise.resolve(settled),
    () => (pumps++, 1),
  );
  const job = aJob(1, () => undefined);
  const expiresAt = new Date(Date.now() + 40 * 86_400_000).toISOString();
  await new Promise<void>((done) =>
    dispatcher.add({ ...job, command: Object.assign(job.command, { expiresAt }), done }),
  );
  pumps = 0;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(pumps).toBeLessThan(5);
  await dispatcher.stop();
});

const paused = { ...(number as object), pausedUntil: Infinity } as BusinessNumber;

it('looks through what waits when campaigns were cancelled, and not each time the registry was read', async () => {
  let asked = 0;
  const known = { cancelled: new Set<string>(), isCancelled: () => (asked++, false), find: () => paused };
  const dispatcher = rig(
    () => Promise.resolve(settled),
    () => 1,
    known,
  );
  dispatcher.add(aJob(1, () => undefined));
  asked = 0;
  dispatcher.setRates();
  expect(asked).toBe(0);
  known.cancelled = new Set(['900/c']);
  dispatcher.setRates();
  expect(asked).toBe(1);
  await dispatcher.stop();
});

it('gives up what was cancelled while it was under way, although its number was paused meanwhile', async () => {
  let claims = 0;
  const known = {
    cancelled: new Set<string>(),
    isCancelled: () => known.cancelled.size > 0,
    find: () => number,
  };
  const dispatcher = rig(
    () => {
      if (claims++ > 0) return Promise.resolve(settled);
      Object.assign(known, { cancelled: new Set(['900/c']), find: () => paused });
      dispatcher.setRates();
      return Promise.reject(new Error('away'));
    },
    () => 1,
    known,
  );
  await new Promise<void>((done) => dispatcher.add(aJob(1, done)));
  expect(claims).toBe(2);
  await dispatcher.stop();
});
