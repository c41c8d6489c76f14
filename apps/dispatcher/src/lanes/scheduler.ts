import { availableAt, type Gcra, type Limit, RESTED, spent, take } from '@talaria/rate-limit';

/**
 * Which job starts next. A lane is a business number. Inside it the jobs of one recipient start strictly in order, one at a time; different
 * recipients go in parallel. A job starts only when the number's and the pair's limit both allow it, and then takes from both. Lanes take
 * turns, and so do the recipients of a lane. Pure: the state is data and the clock an argument (milliseconds).
 */
export type Scheduler<Job> = {
  readonly lanes: Map<string, Lane<Job>>;
  readonly pairLimit: Limit;
  queued: number;
  inFlight: number;
};

type Lane<Job> = {
  limit: Limit;
  taken: Gcra;
  pausedUntil: number;
  readonly recipients: Map<string, Recipient<Job>>;
  /** Recipients whose first job may start, in turn. */
  readonly ready: Set<string>;
  /** Recipients whose first job has to wait, and until when. */
  readonly waiting: Map<string, number>;
};

type Recipient<Job> = { jobs: Job[]; inFlight: boolean; taken: Gcra };

export type Started<Job> = { readonly lane: string; readonly recipient: string; readonly job: Job };

export function createScheduler<Job>(pairLimit: Limit): Scheduler<Job> {
  return { lanes: new Map(), pairLimit, queued: 0, inFlight: 0 };
}

/**
 * Makes the lane known, or changes its rate. A new lane starts with nothing to give, since another process may have spent it a moment ago.
 */
export function setLaneLimit<Job>(
  scheduler: Scheduler<Job>,
  laneId: string,
  limit: Limit,
  now: number,
): void {
  const lane = scheduler.lanes.get(laneId);
  if (lane === undefined) {
    scheduler.lanes.set(laneId, {
      limit,
      taken: spent(limit, now),
      pausedUntil: 0,
      recipients: new Map(),
      ready: new Set(),
      waiting: new Map(),
    });
  } else {
    lane.limit = limit;
  }
}

/** Puts a job behind the others of its recipient. The lane must be known. */
export function enqueue<Job>(scheduler: Scheduler<Job>, laneId: string, recipientId: string, job: Job): void {
  const lane = laneOf(scheduler, laneId);
  const recipient = recipientOf(lane, recipientId);
  recipient.jobs.push(job);
  scheduler.queued++;
  if (recipient.jobs.length === 1 && !recipient.inFlight) lane.ready.add(recipientId);
}

/**
 * The jobs that start now, at most `max`.
 * @returns also when to ask again; Infinity when only a new or finished job can change anything
 */
export function startJobs<Job>(
  scheduler: Scheduler<Job>,
  now: number,
  max: number,
): { readonly started: Started<Job>[]; readonly wakeAt: number } {
  const started: Started<Job>[] = [];
  let wakeAt = Infinity;
  let turn = max > 0 ? [...scheduler.lanes.keys()] : [];
  for (const laneId of turn) endWaits(laneOf(scheduler, laneId), now);
  while (turn.length > 0 && started.length < max) {
    const next: string[] = [];
    for (const laneId of turn) {
      if (started.length === max) break;
      const lane = laneOf(scheduler, laneId);
      const one = startOne(scheduler, lane, laneId, now);
      if (typeof one === 'number') {
        wakeAt = Math.min(wakeAt, one);
      } else {
        started.push(one);
        next.push(laneId);
      }
    }
    turn = next;
  }
  rotate(scheduler, started.at(-1)?.lane);
  return { started, wakeAt };
}

/** The lane that went last goes to the end, so that a small `max` does not favour the first. */
function rotate<Job>({ lanes }: Scheduler<Job>, last: string | undefined): void {
  const lane = last === undefined ? undefined : lanes.get(last);
  if (last === undefined || lane === undefined) return;
  lanes.delete(last);
  lanes.set(last, lane);
}

function endWaits<Job>({ waiting, ready }: Lane<Job>, now: number): void {
  for (const [recipientId, until] of waiting) {
    if (until > now) continue;
    waiting.delete(recipientId);
    ready.add(recipientId);
  }
}

function firstEndOfWait<Job>({ waiting }: Lane<Job>): number {
  let first = Infinity;
  for (const until of waiting.values()) first = Math.min(first, until);
  return first;
}

/** One job of the lane, or when the lane may have one. */
function startOne<Job>(
  scheduler: Scheduler<Job>,
  lane: Lane<Job>,
  laneId: string,
  now: number,
): Started<Job> | number {
  if (lane.ready.size === 0) return firstEndOfWait(lane);
  const laneFreeAt = Math.max(lane.pausedUntil, availableAt(lane.taken, lane.limit));
  if (laneFreeAt > now) return laneFreeAt;
  for (const recipientId of lane.ready) {
    lane.ready.delete(recipientId);
    const recipient = recipientOf(lane, recipientId);
    const pairFreeAt = availableAt(recipient.taken, scheduler.pairLimit);
    if (pairFreeAt > now) {
      lane.waiting.set(recipientId, pairFreeAt);
      continue;
    }
    const job = recipient.jobs.shift();
    if (job === undefined) continue;
    lane.taken = take(lane.taken, lane.limit, now);
    recipient.taken = take(recipient.taken, scheduler.pairLimit, now);
    recipient.inFlight = true;
    scheduler.queued--;
    scheduler.inFlight++;
    return { lane: laneId, recipient: recipientId, job };
  }
  return firstEndOfWait(lane);
}

/** The started job has ended: the recipient's next may start. */
export function finish<Job>(
  scheduler: Scheduler<Job>,
  { lane: laneId, recipient: recipientId }: Started<Job>,
): void {
  const lane = laneOf(scheduler, laneId);
  const recipient = recipientOf(lane, recipientId);
  recipient.inFlight = false;
  scheduler.inFlight--;
  if (recipient.jobs.length > 0) lane.ready.add(recipientId);
}

/** The started job comes first again, not before `notBefore`; those behind it wait with it. */
export function startAgain<Job>(scheduler: Scheduler<Job>, started: Started<Job>, notBefore: number): void {
  const lane = laneOf(scheduler, started.lane);
  const recipient = recipientOf(lane, started.recipient);
  recipient.inFlight = false;
  recipient.jobs.unshift(started.job);
  lane.ready.delete(started.recipient);
  lane.waiting.set(started.recipient, notBefore);
  scheduler.inFlight--;
  scheduler.queued++;
}

/** Nothing of the lane starts before `until`. */
export function pauseLane<Job>(scheduler: Scheduler<Job>, laneId: string, until: number): void {
  const lane = laneOf(scheduler, laneId);
  lane.pausedUntil = Math.max(lane.pausedUntil, until);
}

/** Forgets queued jobs, recipients that have rested long enough to be like new, and idle lanes that are not to be kept. */
export function sweep<Job>(
  scheduler: Scheduler<Job>,
  now: number,
  isDropped: (job: Job) => boolean,
  isKept: (laneId: string) => boolean = () => true,
): void {
  for (const [laneId, lane] of scheduler.lanes) {
    for (const [recipientId, recipient] of lane.recipients) {
      const kept = recipient.jobs.filter((job) => !isDropped(job));
      scheduler.queued -= recipient.jobs.length - kept.length;
      recipient.jobs = kept;
      if (kept.length > 0) continue;
      lane.ready.delete(recipientId);
      lane.waiting.delete(recipientId);
      if (!recipient.inFlight && recipient.taken <= now) lane.recipients.delete(recipientId);
    }
    if (lane.recipients.size === 0 && lane.taken <= now && !isKept(laneId)) scheduler.lanes.delete(laneId);
  }
}

function laneOf<Job>({ lanes }: Scheduler<Job>, laneId: string): Lane<Job> {
  const lane = lanes.get(laneId);
  if (lane === undefined) throw new Error('the lane was not made known by setLaneLimit');
  return lane;
}

function recipientOf<Job>({ recipients }: Lane<Job>, recipientId: string): Recipient<Job> {
  let recipient = recipients.get(recipientId);
  if (recipient === undefined)
    recipients.set(recipientId, (recipient = { jobs: [], inFlight: false, taken: RESTED }));
  return recipient;
}
