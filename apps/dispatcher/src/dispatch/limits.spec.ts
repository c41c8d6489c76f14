import { type MetaApp, type Waba } from '@talaria/database';
import { createScheduler, enqueue, finish, type Scheduler, startJobs } from '../lanes/scheduler';
import { type BusinessNumber } from '../open-tokens';
import { type Registry } from '../registry';
import { PROVIDER } from './breakers';
import { createLimits } from './limits';

type Rows = { numbers: Partial<BusinessNumber>[]; accounts: Partial<Waba>[]; apps: Partial<MetaApp>[] };

/** Two numbers of two WABAs of one app, and a third of another. */
const rows = (): Rows => ({
  numbers: ['1', '2', '3'].map((n) => ({
    ...{ phoneNumberId: `10${n}`, wabaId: `90${n}`, messagesPerSecond: 1000, pausedUntil: null },
  })),
  accounts: ['1', '2', '3'].map((n) => ({
    ...{ wabaId: `90${n}`, messagesPerSecond: null, appId: n === '3' ? 'other' : 'ours' },
    ...{ pausedUntil: null, restrictedUntil: null },
  })),
  apps: ['ours', 'other'].map((appId) => ({ appId, messagesPerSecond: null, pausedUntil: null })),
});

function rig(
  { numbers, accounts, apps }: Rows,
  ownedShare: () => number = () => 1,
  callsPerSecond: (id: string) => number = () => Infinity,
) {
  const scheduler: Scheduler<string> = createScheduler({ intervalMs: 0, burst: 1 });
  const registry = {
    find: (id: string) => numbers.find(({ phoneNumberId }) => phoneNumberId === id),
    findAccount: (id: string) => accounts.find(({ wabaId }) => wabaId === id),
    accounts: () => accounts,
    apps: () => apps,
    inboundPerSecond: () => 0,
  } as unknown as Registry;
  const config = { DISPATCH_RATE_PERCENT: 90 };
  const limits = createLimits(scheduler, {
    config,
    registry,
    breakers: { callsPerSecond, growing: () => [] },
    ownedShare,
  });
  for (const { phoneNumberId = '' } of numbers) {
    limits.setNumber(phoneNumberId, -60_000);
    for (let n = 0; n < 300; n++)
      enqueue(scheduler, { lane: phoneNumberId, recipient: `r${n}`, job: phoneNumberId });
  }
  limits.setAll(-60_000);
  /** How many of each number start in a second from `from` on. */
  function countFrom(from: number): Record<string, number> {
    const counts: Record<string, number> = { 101: 0, 102: 0, 103: 0 };
    for (let now = from; now < from + 1000; now++) {
      limits.split(now);
      for (const one of startJobs(scheduler, now, 1000).started) {
        counts[one.job] = (counts[one.job] ?? 0) + 1;
        finish(scheduler, one);
      }
    }
    return counts;
  }
  return { limits, countFrom, waiting: () => scheduler.queued };
}

it.each(['numbers', 'accounts', 'apps'] as const)(
  'what a person paused among the %s waits, and goes on as soon as that is taken back or over',
  (kind) => {
    const registered = rows();
    const { limits, countFrom } = rig(registered);
    const [first] = registered[kind];
    const paused = kind === 'apps' ? ['101', '102'] : ['101'];
    const startedFrom = (from: number) =>
      Object.entries(countFrom(from))
        .filter(([, count]) => count > 0)
        .map(([number]) => number);
    first!.pausedUntil = Infinity;
    limits.setAll(0);
    expect(startedFrom(0)).toEqual(['101', '102', '103'].filter((one) => !paused.includes(one)));
    expect(startedFrom(3_600_000)).toEqual([]);
    first!.pausedUntil = new Date(Date.now() + 1500);
    limits.setAll(3_601_000);
    expect(startedFrom(3_601_000)).toEqual([]);
    expect(startedFrom(3_602_600)).toEqual(paused);
  },
);

it("an account goes on when both a person's pause and Meta's restriction are over", () => {
  const registered = rows();
  const { limits, countFrom } = rig(registered);
  const [account] = registered.accounts;
  const holdBoth = (
    pausedUntil: Date | number | null,
    restrictedUntil: Date | number | null,
    now: number,
  ) => {
    Object.assign(account!, { pausedUntil, restrictedUntil });
    limits.setAll(now);
    return countFrom(now)['101'];
  };
  expect(holdBoth(null, Infinity, 0)).toBe(0);
  expect(holdBoth(Infinity, null, 1000)).toBe(0);
  expect(holdBoth(new Date(Date.now() - 1000), new Date(Date.now() + 60_000), 2000)).toBe(0);
  expect(holdBoth(null, new Date(Date.now() - 1000), 3000)).toBeGreaterThan(0);
});

it.each([
  ['app', ['103']],
  ['account', ['102', '103']],
  ['number', ['102', '103']],
] as const)(
  "what Meta's answer says of the %s holds those that it is about, whatever a person takes back",
  (who, free) => {
    const registered = rows();
    const { limits, countFrom } = rig(registered);
    limits.rest({ phoneNumberId: '101', wabaId: '901' }, who, 0, 5000);
    for (const row of [...registered.numbers, ...registered.accounts, ...registered.apps])
      row.pausedUntil = Infinity;
    limits.setAll(0);
    for (const row of [...registered.numbers, ...registered.accounts, ...registered.apps])
      row.pausedUntil = null;
    limits.setAll(0);
    const counts = countFrom(0);
    expect(Object.keys(counts).filter((number) => counts[number]! > 0)).toEqual(free);
    expect(countFrom(5000)['101']).toBeGreaterThan(0);
  },
);

it.each([
  ['a number', '101', ['102', '103']],
  ['an account', '901', ['102', '103']],
  ['Meta as a whole', PROVIDER, []],
] as const)('the breaker of %s holds those that it is about', (_title, id, free) => {
  let calls = 0;
  const { limits, countFrom } = rig(rows(), undefined, (asked) => (asked === id ? calls : Infinity));
  const setTo = (perSecond: number, now: number) => {
    calls = perSecond;
    limits.setOne(id, now);
    return countFrom(now);
  };
  const none = setTo(0, 0);
  expect(Object.keys(none).filter((number) => none[number]! > 0)).toEqual(free);
  expect(setTo(3, 5000)['101']).toBeLessThan(4);
  expect(setTo(Infinity, 10_000)['101']).toBeGreaterThan(200);
});

it("dispatchers take of an app's rate what they own of the partitions: never more than all of it together", () => {
  const registered = rows();
  registered.apps[0]!.messagesPerSecond = 40;
  const shares = [1 / 4, 3 / 4, 0];
  const rigs = shares.map((_, index) => rig(registered, () => shares[index]!));
  const countAll = (from: number) =>
    rigs.map(({ countFrom }) => {
      const { 101: one = 0, 102: other = 0 } = countFrom(from);
      return one + other;
    });
  expect(countAll(0)).toEqual([10, 30, 0]);
  // Another member joins, and one that had something loses all of it.
  shares.splice(0, 3, 1 / 2, 0, 1 / 2);
  const [kept, none, fresh] = countAll(1000) as [number, number, number];
  expect(none).toBe(0);
  expect(kept).toBeLessThanOrEqual(20);
  expect(fresh).toBeLessThanOrEqual(20);
  expect(kept + fresh).toBeGreaterThanOrEqual(38);
});
