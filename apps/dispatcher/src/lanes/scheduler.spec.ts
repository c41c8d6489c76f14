import { perSecond } from '@talaria/rate-limit';
import fc from 'fast-check';
import {
  type Asked,
  countPaused,
  createScheduler,
  enqueue,
  finish,
  giveBack,
  isPaused,
  leastOf,
  pace,
  pauseLane,
  setLane,
  spendAll,
  startAgain,
  startJobs,
  sweep,
  type Scheduler,
  setShared,
  pauseShared,
  type Started,
} from './scheduler';

const unlimited = { intervalMs: 0, burst: 1 };
const START = 1_000_000;

function schedulerWith(lanes: readonly string[], limit = unlimited, pairLimit = unlimited) {
  const scheduler = createScheduler<string>(pairLimit);
  for (const lane of lanes) setLane(scheduler, lane, { limit }, START - 60_000);
  return scheduler;
}

function add(
  scheduler: Scheduler<string>,
  lane: string,
  recipient: string,
  job: string,
  more: Partial<Asked<string>> = {},
) {
  enqueue(scheduler, { lane, recipient, job, ...more });
}

const jobsOf = (started: readonly Started<string>[]) => started.map(({ job }) => job);

describe('the scheduler', () => {
  it('keeps one recipient in order with one in flight, and lets others pass', () => {
    const scheduler = schedulerWith(['n']);
    for (const [recipient, job] of [
      ['a', 'a1'],
      ['a', 'a2'],
      ['b', 'b1'],
    ] as const) {
      add(scheduler, 'n', recipient, job);
    }
    const first = startJobs(scheduler, START, 10).started;
    expect(jobsOf(first)).toEqual(['a1', 'b1']);
    expect(startJobs(scheduler, START, 10).started).toEqual([]);
    finish(scheduler, first[0]!);
    expect(jobsOf(startJobs(scheduler, START, 10).started)).toEqual(['a2']);
  });

  it('gives back what a job took of its pair when nothing was sent, and keeps what was', () => {
    const scheduler = schedulerWith(['n'], unlimited, { intervalMs: 6000, burst: 2 });
    for (const job of ['a1', 'a2', 'a3']) add(scheduler, 'n', 'a', job);
    const next = () => startJobs(scheduler, START, 1).started[0]!;
    const again = next();
    giveBack(scheduler, again, false);
    startAgain(scheduler, again, START);
    for (const job of ['a1', 'a2']) {
      const one = next();
      expect(one.job).toBe(job);
      finish(scheduler, one);
    }
    expect(startJobs(scheduler, START, 1)).toEqual({ started: [], wakeAt: START + 6000 });
  });

  it('gives back what a job took of its number when nothing was sent and it is over, and nothing of what took nothing', () => {
    const scheduler = schedulerWith(['n'], { intervalMs: 1000, burst: 1 });
    for (const recipient of ['a', 'b', 'c']) add(scheduler, 'n', recipient, recipient);
    const next = () => startJobs(scheduler, START, 10).started;
    const [repeated] = next();
    expect(next()).toEqual([]);
    giveBack(scheduler, repeated!, true);
    finish(scheduler, repeated!);
    expect(jobsOf(next())).toEqual(['b']);
    add(scheduler, 'n', 'late', 'expired', { expiresAt: START });
    const [expired] = next();
    expect(expired!.job).toBe('expired');
    giveBack(scheduler, expired!, true);
    finish(scheduler, expired!);
    expect(startJobs(scheduler, START, 10)).toEqual({ started: [], wakeAt: START + 1000 });
  });

  it('gives a number back nothing of what was taken when it began, or was sent', () => {
    const scheduler = schedulerWith(['n'], { intervalMs: 1000, burst: 1 });
    for (const recipient of ['a', 'b', 'c']) add(scheduler, 'n', recipient, recipient);
    const [before] = startJobs(scheduler, START, 10).started;
    // A new owner: who had it before may have sent as much as was allowed.
    spendAll(scheduler, START + 1000);
    giveBack(scheduler, before!, true);
    finish(scheduler, before!);
    const { started, wakeAt } = startJobs(scheduler, START + 1000, 10);
    expect(started).toEqual([]);
    const [first] = startJobs(scheduler, wakeAt, 10).started;
    pace(scheduler, first!, wakeAt);
    giveBack(scheduler, first!, true);
    expect(startJobs(scheduler, wakeAt, 10)).toEqual({ started: [], wakeAt: wakeAt + 1000 });
  });

  it('tells of each lane the least of what comes next', () => {
    const scheduler = schedulerWith(['n', 'm', 'idle']);
    for (const [lane, recipient, job] of [
      ...[['n', 'a', '7'] as const, ['n', 'a', '1'] as const, ['n', 'b', '5'] as const],
      ['m', 'a', '9'] as const,
    ]) {
      add(scheduler, lane, recipient, job);
    }
    expect([...leastOf(scheduler, Number)]).toEqual([
      ['n', 5],
      ['m', 9],
    ]);
  });

  it('lets lanes take turns, however many jobs one has', () => {
    const scheduler = schedulerWith(['big', 'small']);
    for (let n = 0; n < 100; n++) add(scheduler, 'big', `r${n}`, `big${n}`);
    add(scheduler, 'small', 'r', 'small');
    expect(jobsOf(startJobs(scheduler, START, 2).started)).toContain('small');
  });

  it('puts a job that is tried again before those behind it', () => {
    const scheduler = schedulerWith(['n']);
    add(scheduler, 'n', 'a', 'a1');
    add(scheduler, 'n', 'a', 'a2');
    const [started] = startJobs(scheduler, START, 10).started;
    startAgain(scheduler, started!, START + 1000);
    expect(startJobs(scheduler, START + 999, 10)).toEqual({ started: [], wakeAt: START + 1000 });
    expect(jobsOf(startJobs(scheduler, START + 1000, 10).started)).toEqual(['a1']);
  });

  it('puts a job at its place: before what waits with a larger one or none, and what waited before it waits no longer than it must', () => {
    const scheduler = schedulerWith(['n']);
    add(scheduler, 'n', 'a', 'a1');
    add(scheduler, 'n', 'a', 'a2');
    const [running] = startJobs(scheduler, START, 10).started;
    for (const place of [7, 5, 9]) add(scheduler, 'n', 'a', `at ${place}`, { place, priority: 'campaign' });
    startAgain(scheduler, running!, START + 1000);
    const order: string[] = [];
    while (order.length < 5) {
      const [one] = startJobs(scheduler, START, 10).started;
      order.push(one!.job);
      finish(scheduler, one!);
    }
    expect(order).toEqual(['at 5', 'at 7', 'at 9', 'a1', 'a2']);
  });

  it('lets one that comes before another that waits go first, and does not wait with it', () => {
    const scheduler = schedulerWith(['n']);
    add(scheduler, 'n', 'a', 'a1', { expiresAt: START + 500 });
    const [running] = startJobs(scheduler, START, 10).started;
    startAgain(scheduler, running!, START + 100);
    add(scheduler, 'n', 'a', 'before', { place: 1 });
    const [before] = startJobs(scheduler, START, 10).started;
    expect(before?.job).toBe('before');
    startAgain(scheduler, before!, START + 1000);
    expect(startJobs(scheduler, START + 999, 10).started).toEqual([]);
    const [again] = startJobs(scheduler, START + 1000, 10).started;
    expect(again?.job).toBe('before');
    // What is behind it has expired, and is not held by a limit.
    setLane(scheduler, 'n', { limit: unlimited, heldUntil: Infinity }, START + 1000);
    finish(scheduler, again!);
    expect(jobsOf(startJobs(scheduler, START + 1000, 10).started)).toEqual(['a1']);
  });

  it('starts nothing of a paused lane, and everything of others', () => {
    const scheduler = schedulerWith(['n', 'm']);
    add(scheduler, 'n', 'a', 'paused');
    add(scheduler, 'm', 'a', 'free');
    pauseLane(scheduler, 'n', START + 500);
    expect(startJobs(scheduler, START, 10)).toMatchObject({
      started: [{ job: 'free' }],
      wakeAt: START + 500,
    });
    expect([isPaused(scheduler, 'n', START + 499), isPaused(scheduler, 'm', START)]).toEqual([true, false]);
    expect(isPaused(scheduler, 'n', START + 500)).toBe(false);
    expect(jobsOf(startJobs(scheduler, START + 500, 10).started)).toEqual(['paused']);
  });

  it('holds a lane for as long as it is told to, not longer, and needs no timer for what has no end', () => {
    const scheduler = schedulerWith(['n', 'm']);
    add(scheduler, 'n', 'a', 'held');
    add(scheduler, 'm', 'a', 'free');
    setLane(scheduler, 'n', { limit: unlimited, heldUntil: Infinity }, START);
    expect(startJobs(scheduler, START, 10)).toMatchObject({ started: [{ job: 'free' }], wakeAt: Infinity });
    expect(countPaused(scheduler, START)).toBe(1);
    setLane(scheduler, 'n', { limit: unlimited, heldUntil: START + 500 }, START);
    expect(startJobs(scheduler, START, 10)).toEqual({ started: [], wakeAt: START + 500 });
    setLane(scheduler, 'n', { limit: unlimited }, START);
    expect(jobsOf(startJobs(scheduler, START, 10).started)).toEqual(['held']);
    expect(countPaused(scheduler, START)).toBe(0);
  });

  it('asks of a lane that shares something else now whether it may start', () => {
    const scheduler = schedulerWith(['n']);
    setLane(scheduler, 'n', { limit: unlimited, sharedIds: ['held'] }, START);
    setShared(scheduler, 'held', undefined, START, Infinity);
    add(scheduler, 'n', 'a', 'moved');
    expect(startJobs(scheduler, START, 10).started).toEqual([]);
    setLane(scheduler, 'n', { limit: unlimited, sharedIds: ['other'] }, START);
    expect(jobsOf(startJobs(scheduler, START, 10).started)).toEqual(['moved']);
  });

  it('takes nothing for a job that may not start, and asks again', () => {
    const limit = perSecond(1, 1);
    const scheduler = schedulerWith(['n'], limit, perSecond(1, 1));
    add(scheduler, 'n', 'a', 'a1');
    add(scheduler, 'n', 'b', 'b1');
    let mayStart = (job: string) => job !== 'a1';
    const startAt = (now: number) => startJobs(scheduler, now, 10, (job) => mayStart(job));
    expect(jobsOf(startAt(START).started)).toEqual(['b1']);
    expect(startAt(START + 1000)).toEqual({ started: [], wakeAt: START + 1100 });
    mayStart = () => true;
    expect(jobsOf(startAt(START + 1100).started)).toEqual(['a1']);
  });

  it('has nothing to give, in its lanes as in what they share, after others may have spent it', () => {
    const scheduler = schedulerWith(['n', 'm'], perSecond(10, 5));
    setLane(scheduler, 'm', { limit: unlimited, sharedIds: ['w'] }, START - 60_000);
    setShared(scheduler, 'w', perSecond(5, 5), START - 60_000);
    for (const lane of ['n', 'm']) for (const one of ['a', 'b']) add(scheduler, lane, one, `${lane}${one}`);
    spendAll(scheduler, START);
    expect(startJobs(scheduler, START, 10).started).toEqual([]);
    expect(startJobs(scheduler, START + 99, 10).started).toEqual([]);
    expect(jobsOf(startJobs(scheduler, START + 200, 10).started)).toContain('na');
    expect(jobsOf(startJobs(scheduler, START + 400, 10).started)).toContain('ma');
  });

  it('drops what is no longer ours and counts right', () => {
    const scheduler = schedulerWith(['n']);
    for (const job of ['x1', 'y1', 'x2']) add(scheduler, 'n', job.slice(0, 1), job);
    sweep(scheduler, START, (job) => job.startsWith('x'));
    expect(scheduler.queued).toBe(1);
    expect(jobsOf(startJobs(scheduler, START, 10).started)).toEqual(['y1']);
    expect(scheduler).toMatchObject({ queued: 0, inFlight: 1 });
  });

  it('keeps no timer of a job that has left long before it would have expired', () => {
    const scheduler = schedulerWith(['n']);
    const expiresAt = START + 86_400_000;
    for (let n = 0; n < 1000; n++) {
      add(scheduler, 'n', `r${n % 10}`, `j${n}`, { expiresAt });
      for (const one of startJobs(scheduler, START, 1).started) finish(scheduler, one);
    }
    setLane(scheduler, 'n', { limit: unlimited, heldUntil: Infinity }, START);
    add(scheduler, 'n', 'a', 'waits', { expiresAt });
    sweep(scheduler, START, () => false);
    expect(scheduler.timers.heap).toHaveLength(1);
    expect(jobsOf(startJobs(scheduler, expiresAt, 1).started)).toEqual(['waits']);
  });

  it('gives a new lane nothing at once: its last owner may have spent it', () => {
    const scheduler = createScheduler<string>(unlimited);
    setLane(scheduler, 'n', { limit: perSecond(10, 1) }, START);
    add(scheduler, 'n', 'a', 'a1');
    const { started, wakeAt } = startJobs(scheduler, START, 10);
    expect(started).toEqual([]);
    expect(wakeAt).toBeGreaterThanOrEqual(START + 100);
    expect(wakeAt).toBeLessThan(START + 200);
  });

  it('lets numbers that begin together start at times of their own', () => {
    const scheduler = createScheduler<string>(unlimited);
    for (let n = 0; n < 1000; n++) {
      setLane(scheduler, `2000${n}`, { limit: perSecond(1, 1) }, START);
      add(scheduler, `2000${n}`, 'a', 'job');
    }
    const counts: number[] = [];
    for (let now = START + 1000; now <= START + 2000; now += 100)
      counts.push(startJobs(scheduler, now, 1000).started.length);
    expect(Math.max(...counts)).toBeLessThan(200);
    expect(scheduler.queued).toBe(0);
  });

  it('knows when to wake up, however many recipients wait', () => {
    const scheduler = schedulerWith(['n']);
    for (let n = 0; n < 150_000; n++) {
      add(scheduler, 'n', `r${n}`, `j${n}`);
      if (n % 5000 < 4999) continue;
      for (const one of startJobs(scheduler, START, 10_000).started)
        startAgain(scheduler, one, START + 1000 + Number(one.job.slice(1)));
    }
    expect(startJobs(scheduler, START, 1)).toEqual({ started: [], wakeAt: START + 1000 });
    expect(jobsOf(startJobs(scheduler, START + 1001, 10).started)).toEqual(['j0', 'j1']);
  });

  it('leaves hands for others, however many lanes have jobs that never end', () => {
    const lanes = ['n', 'm', 'o', 'quick'];
    const scheduler = schedulerWith(lanes);
    for (const lane of lanes) {
      for (let n = 0; n < 100; n++) add(scheduler, lane, `r${n}`, lane);
      startJobs(scheduler, START, 64 - scheduler.inFlight);
    }
    // Each takes as many as it leaves: 32 of 64, then 16, 8 and 4.
    expect(lanes.map((lane) => scheduler.lanes.get(lane)?.inFlight)).toEqual([32, 16, 8, 4]);
    finish(scheduler, { lane: 'quick', recipient: 'r0' });
    expect(jobsOf(startJobs(scheduler, START, 64 - scheduler.inFlight).started)).toEqual(['quick']);
  });

  it('starts nothing while all hands are full, and goes on when one is free', () => {
    const scheduler = schedulerWith(['n', 'm']);
    for (const lane of ['n', 'm']) add(scheduler, lane, 'a', lane);
    const [first] = startJobs(scheduler, START, 1).started;
    expect(startJobs(scheduler, START, 0)).toEqual({ started: [], wakeAt: Infinity });
    finish(scheduler, first!);
    expect(jobsOf(startJobs(scheduler, START, 1).started)).toEqual(['m']);
  });

  it('forgets an idle lane that is not to be kept, and no other', () => {
    const scheduler = schedulerWith(['idle', 'kept', 'waits', 'runs']);
    add(scheduler, 'runs', 'a', 'r1');
    const [running] = startJobs(scheduler, START, 1).started;
    add(scheduler, 'waits', 'a', 'w1');
    sweep(
      scheduler,
      START,
      () => false,
      (lane) => lane === 'kept',
    );
    expect([...scheduler.lanes.keys()].sort()).toEqual(['kept', 'runs', 'waits']);
    finish(scheduler, running!);
  });

  it('keeps to a rate that was lowered from that moment on', () => {
    const scheduler = schedulerWith(['n'], perSecond(100, 5));
    for (let n = 0; n < 10; n++) add(scheduler, 'n', `r${n}`, `j${n}`);
    startJobs(scheduler, START, 10);
    setLane(scheduler, 'n', { limit: perSecond(1, 1) }, START);
    const { started, wakeAt } = startJobs(scheduler, START + 50, 10);
    expect(started).toHaveLength(1);
    expect(wakeAt).toBe(START + 1050);
  });
});

describe('priorities', () => {
  it('let a reply go before a notification, and that before a campaign', () => {
    const scheduler = schedulerWith(['n'], perSecond(1, 1));
    for (const priority of ['campaign', 'notification', 'reply'] as const)
      add(scheduler, 'n', priority, priority, { priority });
    const order = [0, 1, 2].flatMap((second) =>
      jobsOf(startJobs(scheduler, START + second * 1000, 10).started),
    );
    expect(order).toEqual(['reply', 'notification', 'campaign']);
  });

  it('starve nobody: one of five is a notification and one of seventeen a campaign, however many replies there are', () => {
    const scheduler = schedulerWith(['n']);
    for (let n = 0; n < 200; n++) {
      for (const priority of ['reply', 'notification', 'campaign'] as const)
        add(scheduler, 'n', `${priority}${n}`, priority, { priority });
    }
    const order = jobsOf(startJobs(scheduler, START, 200).started);
    const longest = (job: string) =>
      Math.max(
        ...order
          .join(' ')
          .split(job)
          .map((gap) => gap.trim().split(' ').length),
      );
    expect(longest('notification')).toBeLessThanOrEqual(5);
    expect(longest('campaign')).toBeLessThanOrEqual(17);
    expect(order.filter((job) => job === 'reply').length).toBeGreaterThan(70);
  });

  it('never change the order of one recipient', () => {
    const scheduler = schedulerWith(['n']);
    add(scheduler, 'n', 'a', 'first', { priority: 'campaign' });
    add(scheduler, 'n', 'a', 'second', { priority: 'reply' });
    expect(jobsOf(startJobs(scheduler, START, 10).started)).toEqual(['first']);
  });
});

describe('what lanes share', () => {
  const shared = (limit = perSecond(10, 1)) => {
    const scheduler = createScheduler<string>(unlimited);
    for (const lane of ['n', 'm', 'alone']) {
      setLane(
        scheduler,
        lane,
        { limit: unlimited, sharedIds: lane === 'alone' ? [] : ['waba'] },
        START - 60_000,
      );
      for (let n = 0; n < 50; n++) add(scheduler, lane, `r${n}`, lane);
    }
    setShared(scheduler, 'waba', limit, START - 60_000);
    return scheduler;
  };

  it('bounds them together, in turns, and nobody else', () => {
    const scheduler = shared();
    const started: string[] = [];
    for (let now = START; now < START + 1000; now = startJobs(scheduler, now, 100).wakeAt)
      started.push(...jobsOf(startJobs(scheduler, now, 100).started));
    const count = (lane: string) => started.filter((one) => one === lane).length;
    expect([count('n'), count('m'), count('alone')]).toEqual([5, 5, 50]);
  });

  it('can be paused, and lifted', () => {
    const scheduler = shared();
    pauseShared(scheduler, 'waba', START + 500);
    expect(new Set(jobsOf(startJobs(scheduler, START, 100).started))).toEqual(new Set(['alone']));
    expect(startJobs(scheduler, START + 500, 200).started).toHaveLength(1);
    setShared(scheduler, 'waba', undefined, START + 500);
    expect(startJobs(scheduler, START + 500, 200).started).toHaveLength(99);
  });

  it('takes nothing for a job that its number may not start', () => {
    const scheduler = shared();
    pauseLane(scheduler, 'n', START + 60_000);
    const started: string[] = [];
    for (let now = START; now < START + 1000; now += 100)
      started.push(...jobsOf(startJobs(scheduler, now, 100).started));
    expect(started.filter((one) => one === 'm')).toHaveLength(10);
  });
});

describe('a job that has expired', () => {
  it('starts in its order, takes nothing, and does not wait for a pause', () => {
    const scheduler = schedulerWith(['n'], perSecond(1, 1));
    pauseLane(scheduler, 'n', START + 10_000);
    add(scheduler, 'n', 'a', 'a1', { expiresAt: START + 50 });
    add(scheduler, 'n', 'a', 'a2');
    expect(startJobs(scheduler, START, 10)).toMatchObject({ started: [], wakeAt: START + 50 });
    const [expired] = startJobs(scheduler, START + 50, 10).started;
    expect(expired?.job).toBe('a1');
    finish(scheduler, expired!);
    expect(startJobs(scheduler, START + 50, 10)).toMatchObject({ started: [], wakeAt: START + 10_000 });
    expect(jobsOf(startJobs(scheduler, START + 10_000, 10).started)).toEqual(['a2']);
  });

  it('that is to come again waits like any other', () => {
    const scheduler = schedulerWith(['n']);
    add(scheduler, 'n', 'a', 'a1', { expiresAt: START });
    const [expired] = startJobs(scheduler, START, 10).started;
    startAgain(scheduler, expired!, START + 1000);
    expect(startJobs(scheduler, START + 999, 10)).toEqual({ started: [], wakeAt: START + 1000 });
    expect(jobsOf(startJobs(scheduler, START + 1000, 10).started)).toEqual(['a1']);
  });
});

it('a paused lane to which jobs keep coming needs one timer', () => {
  const scheduler = schedulerWith(['n']);
  pauseLane(scheduler, 'n', START + 60_000);
  for (let n = 0; n < 1000; n++) {
    add(scheduler, 'n', `r${n}`, 'job');
    startJobs(scheduler, START + n, 10);
  }
  expect(scheduler.timers.heap).toHaveLength(1);
});

it('a start among ten thousand lanes that wait looks at few of them', () => {
  const scheduler = createScheduler<string>(unlimited);
  for (let n = 0; n < 10_000; n++) {
    setLane(scheduler, `lane${n}`, { limit: perSecond(0.001, 1) }, START);
    add(scheduler, `lane${n}`, 'a', 'job');
  }
  startJobs(scheduler, START, 10);
  setLane(scheduler, 'free', { limit: unlimited }, START - 1000);
  add(scheduler, 'free', 'a', 'free');
  expect([...scheduler.active]).toEqual(['free']);
  expect(jobsOf(startJobs(scheduler, START, 10).started)).toEqual(['free']);
});

describe('the pace of calls', () => {
  const limit = perSecond(20, 3);
  const waba = perSecond(30, 1);

  /** Starts for five seconds; each call is made after a delay of its own. */
  function callsWith(delays: readonly number[]) {
    const scheduler = schedulerWith([]);
    for (const lane of ['n', 'm']) {
      setLane(scheduler, lane, { limit, sharedIds: ['waba'] }, START);
      for (let n = 0; n < 200; n++) add(scheduler, lane, `r${n}`, lane);
    }
    setShared(scheduler, 'waba', waba, START);
    const ready: { at: number; one: Started<string> }[] = [];
    for (let now = START; now < START + 5000;) {
      const { started, wakeAt } = startJobs(scheduler, now, 100);
      for (const one of started) ready.push({ at: now + (delays[ready.length % delays.length] ?? 0), one });
      now = Math.max(now, wakeAt);
    }
    const waiting = ready.map(({ at, one }) => ({ readyAt: at, asksAt: at, one }));
    const calls: { readyAt: number; at: number; lane: string }[] = [];
    while (waiting.length > 0) {
      waiting.sort((a, b) => a.asksAt - b.asksAt);
      const { readyAt, asksAt: at, one } = waiting[0]!;
      waiting[0]!.asksAt = pace(scheduler, one, at);
      if (waiting[0]!.asksAt > at) continue;
      waiting.shift();
      calls.push({ readyAt, at, lane: one.lane });
    }
    return calls;
  }

  it('is that of the starts when nothing delays them', () => {
    for (const { at, readyAt } of callsWith([0])) expect(at).toBeCloseTo(readyAt, 6);
  });

  it('keeps every window to the limits, however starts were held up before their calls', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 20 }), (delays) => {
        const calls = callsWith(delays);
        const isKept = (times: readonly number[], { intervalMs, burst }: typeof limit) => {
          const sorted = [...times].sort((a, b) => a - b);
          return sorted.every((from, first) =>
            sorted.slice(first).every((to, count) => count + 1 <= burst + (to - from + 1e-6) / intervalMs),
          );
        };
        for (const lane of ['n', 'm'])
          expect(
            isKept(
              calls.filter((call) => call.lane === lane).map(({ at }) => at),
              limit,
            ),
          ).toBe(true);
        expect(
          isKept(
            calls.map(({ at }) => at),
            waba,
          ),
        ).toBe(true);
        for (const { at, readyAt } of calls) expect(at).toBeGreaterThanOrEqual(readyAt);
      }),
      { numRuns: 50 },
    );
  });
});
