import { firstOnly, type WorkingClock } from '@talaria/observability';
import {
  countPaused,
  createScheduler,
  enqueue,
  expire,
  finish,
  giveBack,
  isPaused,
  leastOf,
  pace,
  spendAll,
  startAgain,
  startJobs,
  sweep,
  waitingFor,
  type Scheduler,
  type Started,
} from '../lanes/scheduler';
import { attempt } from './attempt';
import { type AttemptDependencies, type Pace, type Turn } from './turn';
import { commandKeyOf, idOf, type Job, placeOf, recipientOf } from './job';
import { createBreakers, type Reason } from './breakers';
import { createDepartures } from './departures';
import { createLimits } from './limits';
import { inTurnSpan } from './turn-span';

/** Meta: one message in 6 s to the same recipient, up to 45 at once borrowed from the future. */
const PAIR_LIMIT = { intervalMs: 6000, burst: 45 };
const REGAIN_MS = 1000;
const AFTER_FAULT_MS = 1000;
const BUSY_MS = 1000;
const SWEEP_MS = 10_000;
/** A rebalance takes about so long. */
const NOT_OURS_MS = 100;
const STOP_MS = 3000;
/** How much longer than its call a turn may take: a few statements, each of which ends within 35 s. */
const STALLED_MS = 120_000;

export type Dispatcher = {
  /** Takes a job; it is done, in its turn, when `job.done` was called. */
  add(job: Job): void;
  /** Takes over the rates and pauses of numbers, accounts and apps from the registry, and what was cancelled. */
  setRates(): void;
  /** A partition is newly ours: who had it before may have sent as much as was allowed, a moment ago. */
  takeOver(): void;
  /** Whether a number rests, because of a person or of Meta. */
  isPaused(phoneNumberId: string): boolean;
  /** Numbers that would send if it were not for a pause. */
  readonly paused: number;
  /** Numbers, accounts, or Meta as a whole, that are not called for because of what Meta answers. */
  resting(reason: Reason): number;
  /** For liveness: why a turn does not end, though nothing that it needs is away. */
  fault(): string | undefined;
  readonly queued: number;
  readonly inFlight: number;
  /** By number, when the oldest that is queued here was written to Kafka; milliseconds since 1970. */
  oldest(): Map<string, number>;
  /** Starts nothing more and waits for the calls under way, at most 3 s. What is left comes again. */
  stop(): Promise<void>;
};

/**
 * Runs the scheduler against the clock: starts what may start, and tells it how each turn ended. The clock is the monotonic one: one that
 * somebody sets back would hold every limit for as long.
 */
export function createDispatcher(
  dependencies: Omit<AttemptDependencies, 'breakers' | 'accountLabel'> & {
    readonly ownedShare: () => number;
    /** By which a turn's time is taken. */
    readonly clock?: Pick<WorkingClock, 'now'>;
  },
): Dispatcher {
  const { outlet, ownedShare, clock = performance, ...others } = dependencies;
  const { config, registry, ledger, client, logger } = others;
  const scheduler: Scheduler<Job> = createScheduler(PAIR_LIMIT);
  const breakers = createBreakers({
    ...{ client, registry, logger },
    onChange(id) {
      limits.setOne(id, performance.now());
      pumpSoon();
    },
  });
  const limits = createLimits(scheduler, { config, registry, breakers, ownedShare });
  const departures = createDepartures<Started<Job>>({
    pace: (started, now) => pace(scheduler, started, now),
    isOff: ({ lane, job }, now) => !job.isOurs() || isPaused(scheduler, lane, now),
  });
  const accountLabel = firstOnly(config.METRICS_MAX_LABELS);
  /** Since when on that clock. */
  const underWay = new Map<string, number>();
  /** Of those whose turn broke off: it may have been claimed, and only the answer was lost. */
  const unsure = new Set<Job>();
  let expiredBy: ReadonlySet<string> | undefined;
  let wakeUp: NodeJS.Timeout | undefined;
  let pumpComes = false;
  let stopping = false;

  /** Once for all jobs that come or end in the same turn of the event loop. */
  function pumpSoon(): void {
    if (pumpComes) return;
    pumpComes = true;
    setImmediate(pump);
  }

  function pump(): void {
    pumpComes = false;
    clearTimeout(wakeUp);
    if (stopping) return;
    const now = performance.now();
    limits.split(now);
    const max = config.DISPATCH_MAX_IN_FLIGHT - scheduler.inFlight;
    const { started, wakeAt } = startJobs(
      scheduler,
      now,
      max,
      ({ lost, isOurs }) => lost.aborted || isOurs(),
    );
    for (const one of started) void run(one);
    // A timer of Node's holds 24 days; one for longer than that comes at once.
    if (wakeAt < Infinity) wakeUp = setTimeout(pump, Math.min(Math.max(1, wakeAt - now), SWEEP_MS));
  }

  async function run(started: Started<Job>): Promise<void> {
    const { job } = started;
    const call = { isMade: false };
    const paced = async () => (call.isMade = await departures.leave(started));
    const wasLost = job.lost.aborted;
    // One that has expired starts whatever the limits and we say.
    const ended: Turn = job.isOurs() ? await turn(started, paced) : { kind: 'again', afterMs: NOT_OURS_MS };
    // A record that comes again, or waits for the database, is no message to anybody.
    if (!call.isMade) giveBack(scheduler, started, ended.kind === 'done');
    if (wasLost) finish(scheduler, started);
    else end(started, ended);
    pumpSoon();
  }

  async function turn(started: Started<Job>, paced: Pace): Promise<Turn> {
    const { job } = started;
    const key = commandKeyOf(job);
    if (underWay.has(key)) return { kind: 'again', afterMs: BUSY_MS };
    underWay.set(key, clock.now());
    unsure.delete(job);
    try {
      return await inTurnSpan(job, outlet, (traced) =>
        attempt({ outlet: traced, breakers, accountLabel, ...others }, job, paced),
      );
    } catch (error) {
      unsure.add(job);
      logger.error(
        { err: error, commandId: job.command.id },
        'a command could not be tried; it is tried again',
      );
      return { kind: 'again', afterMs: AFTER_FAULT_MS };
    } finally {
      underWay.delete(key);
    }
  }

  /** Whoever owns it now may claim it at once, rather than take it for perhaps sent. */
  async function release(job: Job): Promise<void> {
    const key = commandKeyOf(job);
    unsure.delete(job);
    // It is ours again, and who is at it finds the claim.
    if (underWay.has(key)) return;
    underWay.set(key, clock.now());
    try {
      await ledger.release(idOf(job));
    } catch (error) {
      unsure.add(job);
      logger.warn({ err: error, commandId: job.command.id }, 'a claim could not be given back yet');
    } finally {
      underWay.delete(key);
    }
  }

  const releaseLost = () => {
    for (const job of unsure) if (job.lost.aborted) void release(job);
  };

  function end(started: Started<Job>, turn: Turn): void {
    const now = performance.now();
    if (turn.kind === 'done') {
      finish(scheduler, started);
      started.job.done();
      return;
    }
    // What was cancelled while it was under way is not in the queue to be found there.
    const next = registry.isCancelled(started.job.command) ? { ...started, expiresAt: 0 } : started;
    startAgain(scheduler, next, now + turn.afterMs);
    if (turn.kind === 'again' && turn.isLong === true)
      for (const { job } of waitingFor(scheduler, started)) job.setAside();
    if (turn.kind === 'rest') limits.rest(started.job.command, turn.who, now, turn.afterMs);
  }

  /** On the monotonic clock. What was cancelled has expired, too. */
  function expiryOf({ command }: Job): number {
    if (registry.isCancelled(command)) return 0;
    const { expiresAt } = command;
    return expiresAt === undefined
      ? Infinity
      : performance.now() + Math.max(0, Date.parse(expiresAt) - Date.now());
  }

  function setRates(): void {
    if (registry.cancelled !== expiredBy) expire(scheduler, ({ command }) => registry.isCancelled(command));
    expiredBy = registry.cancelled;
    breakers.lookAgain();
    limits.setAll(performance.now());
    pumpSoon();
  }

  const regainer = setInterval(() => {
    limits.regain(performance.now());
    releaseLost();
  }, REGAIN_MS).unref();

  const sweeper = setInterval(() => {
    sweep(
      scheduler,
      performance.now(),
      ({ lost }) => lost.aborted,
      (lane) => registry.find(lane) !== undefined,
    );
    pump();
  }, SWEEP_MS).unref();

  // What the registry knew before there was anybody to tell.
  setRates();
  return {
    add(job) {
      const { phoneNumberId } = job.command;
      if (!scheduler.lanes.has(phoneNumberId)) limits.setNumber(phoneNumberId, performance.now());
      const { priority } = job.command;
      const place = placeOf(job);
      const receiver = { lane: phoneNumberId, recipient: recipientOf(job) };
      if (waitingFor(scheduler, receiver)[0]?.job.isAside === true) job.setAside();
      enqueue(scheduler, {
        job,
        expiresAt: expiryOf(job),
        ...receiver,
        ...(priority !== undefined && { priority }),
        ...(place !== undefined && { place }),
      });
      pumpSoon();
    },
    setRates,
    takeOver: () => spendAll(scheduler, performance.now()),
    isPaused: (phoneNumberId) => isPaused(scheduler, phoneNumberId, performance.now()),
    get paused() {
      return countPaused(scheduler, performance.now());
    },
    fault: () =>
      clock.now() - Math.min(...underWay.values()) > config.GRAPH_API_TIMEOUT + STALLED_MS
        ? `a turn of a command is not over after ${Math.round((config.GRAPH_API_TIMEOUT + STALLED_MS) / 1000)} s`
        : undefined,
    resting: (reason) => breakers.count(reason),
    get queued() {
      return scheduler.queued;
    },
    get inFlight() {
      return scheduler.inFlight;
    },
    oldest: () => leastOf(scheduler, ({ record }) => record.timestamp),
    async stop() {
      stopping = true;
      clearTimeout(wakeUp);
      clearInterval(sweeper);
      clearInterval(regainer);
      breakers.close();
      departures.stop();
      const deadline = performance.now() + STOP_MS;
      while (scheduler.inFlight > 0 && performance.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 10));
      const late = new Promise((resolve) => setTimeout(resolve, deadline - performance.now()).unref());
      await Promise.race([Promise.all([...unsure].map(release)), late]);
    },
  };
}
