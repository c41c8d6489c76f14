import { availableAt, type Limit, perSecond } from '@talaria/rate-limit';
import fc from 'fast-check';
import {
  createScheduler,
  enqueue,
  finish,
  giveBack,
  pace,
  pauseLane,
  pauseShared,
  priorities,
  setLane,
  setShared,
  startAgain,
  startJobs,
  sweep,
  type Scheduler,
  type Started,
} from './scheduler';

const START = 1_000_000;
const PAIR: Limit = { intervalMs: 120, burst: 3 };
/** Two WABAs of one app, and a number that shares nothing with anybody. */
const LANES: Readonly<Record<string, readonly string[]>> = {
  a1: ['waba a', 'app'],
  a2: ['waba a', 'app'],
  b1: ['waba b', 'app'],
  b2: ['waba b', 'app'],
  alone: [],
};
const SHARED = ['waba a', 'waba b', 'app'];
const RECIPIENTS = ['r1', 'r2', 'r3', 'r4'];
const PARTITIONS = 3;

type Job = {
  readonly number: number;
  readonly lane: string;
  readonly recipient: string;
  readonly partition: number;
  readonly place: number;
};

/** Jest's own `expect` would take most of the time. */
function must(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
}

/**
 * Watches a limit from outside: what started, at which price. For any two starts, all that was paid from the one to before the other
 * fits between them, but for the burst. That is: in no window of any length is there more than burst + length × rate, also while rates change,
 * but for what was given back.
 */
class Watch {
  private paid = 0;
  private leastAhead = Infinity;
  pausedUntil = 0;
  heldUntil = 0;

  constructor(public limit: Limit | undefined) {}

  /** It begins anew, with its burst spent. */
  renew(limit: Limit | undefined, now: number): void {
    Object.assign(this, { limit, paid: 0, leastAhead: Infinity });
    for (let n = 0; n < (limit?.burst ?? 0); n++) this.pay(now);
  }

  started(now: number): void {
    const { limit, paid, leastAhead } = this;
    must(Math.max(this.pausedUntil, this.heldUntil) <= now, 'started in a pause');
    if (limit === undefined) return;
    must(paid - now <= leastAhead + (limit.burst - 1) * limit.intervalMs + 1e-3, 'one too many in a window');
    this.pay(now);
  }

  /** One that was started was not sent; others may have started since. */
  givenBack(): void {
    this.paid -= this.limit?.intervalMs ?? 0;
  }

  /** What to call when the last that was started was not sent: another of the same may not have started since. */
  undo(): () => void {
    const { paid, leastAhead } = this;
    return () => Object.assign(this, { paid, leastAhead });
  }

  private pay(now: number): void {
    this.leastAhead = Math.min(this.leastAhead, this.paid - now);
    this.paid += this.limit?.intervalMs ?? 0;
  }
}

/** A small generator, since fast-check's own would take most of the time. From 0 to below `below`. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** The scheduler beside a plain account of what must be true of it. */
class World {
  readonly scheduler: Scheduler<Job> = createScheduler(PAIR);
  readonly watches = new Map<string, Watch>();
  /** What is sent, for which nothing is ever given back. */
  readonly sent = new Map<string, Watch>();
  readonly queues = new Map<string, Job[]>();
  readonly running: Started<Job>[] = [];
  readonly undoes = new Map<Job, () => void>();
  now = START;
  asked = 0;
  done = 0;
  dropped = 0;

  constructor(private readonly roll: (below: number) => number) {
    for (const lane of Object.keys(LANES)) this.setRate(lane);
    for (const id of SHARED) this.setRate(id);
  }

  private pick<T>(all: readonly T[]): T {
    return all[this.roll(all.length)]!;
  }

  private queueOf({ lane, recipient }: Pick<Job, 'lane' | 'recipient'>): Job[] {
    const id = `${lane}/${recipient}`;
    if (!this.queues.has(id)) this.queues.set(id, []);
    return this.queues.get(id)!;
  }

  private watchOf(id: string, initial?: Limit): Watch {
    if (!this.watches.has(id)) this.watches.set(id, new Watch(initial));
    return this.watches.get(id)!;
  }

  setRate(id: string, isHeld = false): void {
    const limit = perSecond(this.pick([0.5, 5, 20, 80, 1000]), 1 + this.roll(4));
    const heldUntil = isHeld ? this.pick([Infinity, this.now + this.roll(2000)]) : 0;
    const isNew = !this.watches.has(id);
    const watch = this.watchOf(id);
    watch.heldUntil = heldUntil;
    if (isNew) this.sent.set(id, new Watch(undefined));
    const both = [watch, this.sent.get(id)!];
    const isLane = id in LANES;
    const next = isLane || this.roll(3) !== 0 ? limit : undefined;
    if (isLane) setLane(this.scheduler, id, { limit, sharedIds: LANES[id]!, heldUntil }, this.now);
    else setShared(this.scheduler, id, next, this.now, heldUntil);
    for (const one of both) {
      if (next === undefined || one.limit === undefined) one.renew(next, this.now);
      one.limit = next;
    }
  }

  pause(id: string): void {
    const until = this.now + this.roll(800);
    const watch = this.watchOf(id);
    watch.pausedUntil = Math.max(watch.pausedUntil, until);
    (id in LANES ? pauseLane : pauseShared)(this.scheduler, id, until);
  }

  add(): void {
    const lane = this.pick(Object.keys(LANES));
    const recipient = this.pick(RECIPIENTS);
    const place = this.roll(10) === 0 ? this.roll(5) : Infinity;
    const job = { number: this.asked++, lane, recipient, partition: this.roll(PARTITIONS), place };
    this.putBefore(job, (waiting) => waiting.place > place);
    const expiresAt = this.roll(4) === 0 ? this.now + this.roll(1500) : Infinity;
    enqueue(this.scheduler, { lane, recipient, job, priority: this.pick(priorities), place, expiresAt });
  }

  /** Behind what runs, and before the first that it may pass. */
  private putBefore(job: Job, isPassed: (waiting: Job) => boolean): void {
    const queue = this.queueOf(job);
    const isWaiting = (one: Job) => !this.running.some((other) => other.job === one);
    const at = queue.findIndex((one) => isWaiting(one) && isPassed(one));
    queue.splice(at < 0 ? queue.length : at, 0, job);
  }

  start(max: number): void {
    const { started, wakeAt } = startJobs(this.scheduler, this.now, max);
    must(started.length <= max, 'more than asked for');
    for (const one of started) this.accountFor(one);
    if (started.length < max) this.checkNothingIsForgotten(wakeAt, max - started.length);
  }

  private accountFor(one: Started<Job>): void {
    const { lane, recipient, job } = one;
    // In order, and one at a time: the first of its queue, which leaves it only at its end.
    must(this.queueOf(job)[0] === job, 'out of order');
    const isTwice = this.running.some((other) => other.lane === lane && other.recipient === recipient);
    must(!isTwice, 'two of a recipient at once');
    this.running.push(one);
    const pair = this.watchOf(`${lane}/${recipient}`, PAIR);
    this.undoes.set(job, pair.undo());
    if (one.expiresAt <= this.now) return;
    for (const id of [lane, ...LANES[lane]!]) this.watchOf(id).started(this.now);
    pair.started(this.now);
  }

  /**
   * Whatever may start has started, and somebody asks again in time for the next.
   * @param left how many more might have: a lane with as many under way is asked when one of them ends
   */
  private checkNothingIsForgotten(wakeAt: number, left: number): void {
    for (const { recipients, sharedIds, ...lane } of this.scheduler.lanes.values()) {
      if (lane.inFlight >= left) continue;
      const bounds = [lane, ...sharedIds.flatMap((id) => this.scheduler.shared.get(id) ?? [])];
      const laneFreeAt = Math.max(
        ...bounds.flatMap((bound) => [
          bound.pausedUntil,
          bound.heldUntil,
          availableAt(bound.taken, bound.limit),
        ]),
      );
      for (const { entries, inFlight, taken, waitsUntil } of recipients.values()) {
        const [first] = entries;
        if (first === undefined || inFlight) continue;
        const freeAt = Math.min(Math.max(laneFreeAt, availableAt(taken, PAIR)), first.expiresAt);
        const startsAt = Math.max(freeAt, waitsUntil);
        must(startsAt > this.now, 'could have started');
        must(startsAt >= wakeAt, 'may start before anybody asks again');
      }
    }
  }

  end(): void {
    const [one] = this.running.splice(this.roll(this.running.length), 1);
    if (one === undefined) return;
    const isOver = this.roll(4) > 0;
    this.sendOrGiveBack(one, isOver);
    if (!isOver) {
      startAgain(this.scheduler, one, this.now + this.roll(400));
      this.queueOf(one.job).shift();
      this.putBefore(one.job, ({ place }) => place >= one.job.place);
      return;
    }
    finish(this.scheduler, one);
    this.queueOf(one.job).shift();
    this.done++;
  }

  private sendOrGiveBack(one: Started<Job>, isOver: boolean): void {
    const { lane, job, takenBefore } = one;
    if (this.roll(4) === 0) {
      giveBack(this.scheduler, one, isOver);
      this.undoes.get(job)?.();
      if (isOver && takenBefore !== undefined) this.watchOf(lane).givenBack();
    } else if (takenBefore !== undefined) {
      if (pace(this.scheduler, one, this.now) > this.now) return;
      for (const id of [lane, ...LANES[lane]!]) this.sent.get(id)!.started(this.now);
    }
  }

  /** A partition is lost: what waits of it is dropped, what runs comes to its end. */
  lose(): void {
    const partition = this.roll(PARTITIONS);
    sweep(this.scheduler, this.now, (job) => job.partition === partition);
    for (const [id, queue] of this.queues) {
      const isRunning = (job: Job) => this.running.some((one) => one.job === job);
      const kept = queue.filter((job) => job.partition !== partition || isRunning(job));
      this.dropped += queue.length - kept.length;
      this.queues.set(id, kept);
    }
  }

  /** Nothing is held any more: everything comes to its end, in a time that the rates explain. */
  drain(): void {
    for (const id of [...Object.keys(LANES), ...SHARED]) this.setRate(id);
    for (let turns = 0; this.scheduler.queued + this.running.length > 0; turns++) {
      must(turns < 100_000, 'comes to no end');
      while (this.running.length > 0) this.end();
      const { started, wakeAt } = startJobs(this.scheduler, this.now, 64);
      for (const one of started) this.accountFor(one);
      if (started.length > 0) continue;
      must(wakeAt < Infinity || this.scheduler.queued === 0, 'waits for nothing');
      if (wakeAt < Infinity) this.now = Math.max(this.now, wakeAt);
    }
    must(this.done + this.dropped === this.asked, 'lost');
  }

  step(): void {
    const action = this.roll(100);
    const anybody = () => this.pick([...Object.keys(LANES), ...SHARED]);
    if (action < 30) this.add();
    else if (action < 55) this.start(1 + this.roll(8));
    else if (action < 75) this.end();
    else if (action < 94) this.now += this.roll(4000) / 100;
    else if (action < 96) this.setRate(anybody());
    else if (action < 97) this.setRate(anybody(), true);
    else if (action < 98) this.pause(anybody());
    else if (action < 99) this.now += this.roll(3000);
    else this.lose();
    must(this.scheduler.inFlight === this.running.length, 'counts wrong what is in flight');
    const waiting = this.asked - this.done - this.dropped - this.running.length;
    must(this.scheduler.queued === waiting, 'counts wrong what waits');
  }
}

it('no window of any length exceeds a limit, whatever was given back, every recipient stays in order, nothing waits that could go, nothing is lost', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 2000 }), (seed, steps) => {
      const world = new World(dice(seed));
      for (let n = 0; n < steps; n++) world.step();
      world.drain();
    }),
    { numRuns: 200 },
  );
});

it('a lane that may start something does so after one turn of the others, however much they have and however much of it has expired', () => {
  const others = fc.record({ lanes: fc.integer({ min: 1, max: 12 }), depth: fc.constantFrom(1, 10, 2000) });
  fc.assert(
    fc.property(others, fc.integer({ min: 1, max: 5 }), fc.boolean(), ({ lanes, depth }, max, isExpired) => {
      const scheduler = createScheduler<string>({ intervalMs: 0, burst: 1 });
      const limit = { intervalMs: 0, burst: 1 };
      const expiresAt = isExpired ? START - 1 : Infinity;
      for (let lane = 0; lane < lanes; lane++) {
        setLane(scheduler, `other${lane}`, { limit }, START - 1000);
        for (let n = 0; n < depth; n++)
          enqueue(scheduler, { lane: `other${lane}`, recipient: `r${n}`, job: 'other', expiresAt });
      }
      startJobs(scheduler, START, 1);
      setLane(scheduler, 'ours', { limit }, START - 1000);
      enqueue(scheduler, { lane: 'ours', recipient: 'r', job: 'ours' });
      const order: string[] = [];
      while (!order.includes('ours')) {
        const { started } = startJobs(scheduler, START, max);
        expect(started.length).toBeGreaterThan(0);
        order.push(...started.map(({ job }) => job));
      }
      expect(order.indexOf('ours')).toBeLessThanOrEqual(lanes);
    }),
    { numRuns: 60 },
  );
});
