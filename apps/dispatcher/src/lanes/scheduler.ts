import { availableAt, type Gcra, type Limit, RESTED, take } from '@talaria/rate-limit';
import {
  type Bound,
  bounded,
  emptied,
  giveBackTo,
  givesAt,
  mayFree,
  paceOf,
  restsUntil,
  takeFrom,
  UNBOUND,
  UNLIMITED,
} from './bound';
import { addTimer, createTimers, keepTimers, nextAt, takeDue, type Timers } from './timers';

/**
 * Which job starts next. A lane is a business number. Inside it the jobs of one recipient start strictly in order, one at a time; different
 * recipients go in parallel, those with the more urgent job first. A job starts only when the limits of the number, of the pair and of all
 * that the number shares (its WABA) allow it, and then takes from each. Lanes take turns, and so do the recipients of a lane. Pure: the state is
 * data and the clock an argument (milliseconds). The cost of a start does not depend on how many lanes or jobs there are.
 */
export type Scheduler<Job> = {
  readonly lanes: Map<string, Lane<Job>>;
  /** What several lanes share, by id. */
  readonly shared: Map<string, Bound>;
  readonly pairLimit: Limit;
  /** Lanes in which something may start, in turn. */
  readonly active: Set<string>;
  /** Lanes that have as much under way as is left for all others: they are asked again with the next start. */
  readonly crowded: Set<string>;
  readonly timers: Timers<Due>;
  queued: number;
  inFlight: number;
};

/** From the most urgent to the least. */
export const priorities = ['reply', 'notification', 'campaign'] as const;
export type Priority = (typeof priorities)[number];

type Lane<Job> = Bound & {
  sharedIds: readonly string[];
  readonly recipients: Map<string, Recipient<Job>>;
  /** Recipients whose first job may start, in turn, by the priority of that job. */
  readonly ready: Readonly<Record<Priority, Set<string>>>;
  /** Recipients whose first job has expired: it starts in the lane's turn, whatever the limits say. */
  readonly expired: Set<string>;
  /** When a timer comes for it; 0 when none does. */
  wakesAt: number;
  inFlight: number;
  /** How many starts of others a priority has let pass while something of it was ready. */
  readonly passed: Record<Priority, number>;
};

type Entry<Job> = {
  readonly job: Job;
  readonly priority: Priority;
  /** It stands before those of its recipient with a larger one. */
  readonly place: number;
  expiresAt: number;
  /** Whether a timer comes when it expires. */
  isTimed: boolean;
};

type Recipient<Job> = { entries: Entry<Job>[]; inFlight: boolean; taken: Gcra; waitsUntil: number };

/** What may change at a time: a lane may start something, or the first job of a recipient. */
type Due = { readonly laneId: string; readonly recipientId?: string };

export type Started<Job> = Entry<Job> & {
  readonly lane: string;
  readonly recipient: string;
  /** What was taken of the pair's limit before it started; undefined for one that takes of no limit. */
  readonly takenBefore: Gcra | undefined;
};

export type Asked<Job> = {
  readonly lane: string;
  readonly recipient: string;
  readonly job: Job;
  /** Default `notification`. */
  readonly priority?: Priority;
  /** It goes before what waits for the same recipient with a larger one, or with none. Default: behind all. */
  readonly place?: number;
  /** From then on it starts without taking from any limit, in its order: it will not be sent. Default: never. */
  readonly expiresAt?: number;
};

/** Of what is less urgent one start in so many is given, however much there is of what is more urgent. */
const PATIENCE: Readonly<Record<Priority, number>> = { reply: Infinity, notification: 4, campaign: 16 };

/** When one that may not start is asked about again. */
const REFUSED_MS = 100;

export function createScheduler<Job>(pairLimit: Limit): Scheduler<Job> {
  return {
    lanes: new Map(),
    shared: new Map(),
    pairLimit,
    timers: createTimers(),
    active: new Set(),
    crowded: new Set(),
    queued: 0,
    inFlight: 0,
  };
}

/**
 * Makes the lane known, or changes its rate, what it shares, and until when it is held: Infinity until this is called again. A new lane starts
 * with nothing to give, since another process may have spent it a moment ago.
 */
export function setLane<Job>(
  scheduler: Scheduler<Job>,
  laneId: string,
  setting: {
    readonly limit: Limit;
    readonly sharedIds?: readonly string[];
    readonly heldUntil?: number;
  },
  now: number,
): void {
  const { limit, sharedIds = [], heldUntil = 0 } = setting;
  const lane = scheduler.lanes.get(laneId);
  if (lane === undefined) {
    scheduler.lanes.set(laneId, {
      limit,
      sharedIds,
      pausedUntil: 0,
      heldUntil,
      wakesAt: 0,
      recipients: new Map(),
      expired: new Set(),
      inFlight: 0,
      ready: { reply: new Set(), notification: new Set(), campaign: new Set() },
      passed: { reply: 0, notification: 0, campaign: 0 },
      ...emptied(laneId, limit, now),
    });
    return;
  }
  const isFreed = mayFree(lane, limit, heldUntil) || lane.sharedIds.join() !== sharedIds.join();
  Object.assign(lane, { limit, sharedIds, heldUntil });
  if (isFreed) scheduler.active.add(laneId);
}

/**
 * Limits what several lanes take together; undefined lifts it. It starts with nothing to give, as a lane does.
 * @param heldUntil none of them starts anything before; Infinity until this is called again
 */
export function setShared<Job>(
  scheduler: Scheduler<Job>,
  id: string,
  limit: Limit | undefined,
  now: number,
  heldUntil = 0,
): void {
  if (!scheduler.shared.has(id) && limit === undefined && heldUntil === 0) return;
  const known = scheduler.shared.get(id) ?? UNBOUND;
  scheduler.shared.set(id, bounded(id, known, limit, now, heldUntil));
  if (!mayFree(known, limit ?? UNLIMITED, heldUntil)) return;
  for (const [laneId, { sharedIds }] of scheduler.lanes)
    if (sharedIds.includes(id)) scheduler.active.add(laneId);
}

/** Every limit starts with nothing to give, since another process may have spent it a moment ago. */
export function spendAll<Job>({ lanes, shared }: Scheduler<Job>, now: number): void {
  for (const [id, bound] of [...lanes, ...shared]) {
    const { taken, paced } = emptied(id, bound.limit, now);
    Object.assign(bound, { taken: Math.max(bound.taken, taken), paced: Math.max(bound.paced, paced) });
  }
}

/** Nothing of the lane starts before `until`, or before what was said earlier. */
export function pauseLane<Job>(scheduler: Scheduler<Job>, laneId: string, until: number): void {
  const lane = laneOf(scheduler, laneId);
  lane.pausedUntil = Math.max(lane.pausedUntil, until);
}

/** Likewise for all lanes that share it. */
export function pauseShared<Job>(scheduler: Scheduler<Job>, id: string, until: number): void {
  const bound = scheduler.shared.get(id) ?? UNBOUND;
  scheduler.shared.set(id, { ...bound, pausedUntil: Math.max(bound.pausedUntil, until) });
}

/** Puts a job behind the others of its recipient, or at its place. The lane must be known. */
export function enqueue<Job>(scheduler: Scheduler<Job>, asked: Asked<Job>): void {
  const {
    lane: laneId,
    recipient: recipientId,
    job,
    priority = 'notification',
    place = Infinity,
    expiresAt = Infinity,
  } = asked;
  const lane = laneOf(scheduler, laneId);
  const recipient = recipientOf(lane, recipientId);
  const { entries } = recipient;
  const before = place < Infinity ? entries.findIndex((entry) => entry.place > place) : -1;
  const index = before < 0 ? entries.length : before;
  entries.splice(index, 0, { job, priority, place, expiresAt, isTimed: expiresAt === Infinity });
  scheduler.queued++;
  if (index > 0 || recipient.inFlight) return;
  const [, second] = entries;
  if (second !== undefined) {
    // What it waited for it has to find out again, when it comes first again.
    second.isTimed = second.expiresAt === Infinity;
    recipient.waitsUntil = 0;
    withdraw(lane, recipientId);
  }
  offer(scheduler, laneId, recipientId);
}

/** Another job than the one that was offered is the recipient's first. */
function withdraw<Job>({ ready, expired }: Lane<Job>, recipientId: string): void {
  for (const offered of [...Object.values(ready), expired]) offered.delete(recipientId);
}

/** The recipient's first job may start, as far as the recipient is concerned. */
function offer<Job>(scheduler: Scheduler<Job>, laneId: string, recipientId: string): void {
  const lane = laneOf(scheduler, laneId);
  const { entries, waitsUntil } = recipientOf(lane, recipientId);
  const [first] = entries;
  if (first === undefined) return;
  if (!first.isTimed) addTimer(scheduler.timers, first.expiresAt, { laneId, recipientId });
  first.isTimed = true;
  if (waitsUntil > 0) {
    addTimer(scheduler.timers, waitsUntil, { laneId, recipientId });
    return;
  }
  lane.ready[first.priority].add(recipientId);
  scheduler.active.add(laneId);
}

/**
 * The jobs that start now, at most `max`. No lane ever has more under way than is left of `max`, so that lanes whose jobs take long cannot keep
 * all others from starting (dynamic thresholds, as switches share their buffers).
 * @param mayStart asked of each before it takes from any limit; one that must not is asked about again a little later
 * @returns also when to ask again; Infinity when only a new or finished job can change anything
 */
export function startJobs<Job>(
  scheduler: Scheduler<Job>,
  now: number,
  max: number,
  mayStart: (job: Job) => boolean = () => true,
): { readonly started: Started<Job>[]; readonly wakeAt: number } {
  const started: Started<Job>[] = [];
  if (max <= 0) return { started, wakeAt: Infinity };
  for (let due = takeDue(scheduler.timers, now); due !== undefined; due = takeDue(scheduler.timers, now))
    comeDue(scheduler, due, now);
  for (const laneId of scheduler.crowded) scheduler.active.add(laneId);
  scheduler.crowded.clear();
  for (const laneId of scheduler.active) {
    if (started.length >= max) break;
    scheduler.active.delete(laneId);
    if (laneOf(scheduler, laneId).inFlight >= max - started.length) {
      scheduler.crowded.add(laneId);
      continue;
    }
    const one = startOne(scheduler, laneId, now, mayStart);
    if (one === undefined) continue;
    started.push(one);
    // Behind the others, and met again in this very loop.
    scheduler.active.add(laneId);
  }
  return { started, wakeAt: started.length >= max ? Infinity : nextAt(scheduler.timers) };
}

function comeDue<Job>(scheduler: Scheduler<Job>, { laneId, recipientId }: Due, now: number): void {
  const lane = scheduler.lanes.get(laneId);
  if (lane === undefined) return;
  if (recipientId === undefined) {
    if (lane.wakesAt <= now) lane.wakesAt = 0;
    scheduler.active.add(laneId);
    return;
  }
  const recipient = lane.recipients.get(recipientId);
  const first = recipient?.entries[0];
  if (recipient === undefined || first === undefined || recipient.inFlight || recipient.waitsUntil > now)
    return;
  recipient.waitsUntil = 0;
  (first.expiresAt <= now ? lane.expired : lane.ready[first.priority]).add(recipientId);
  scheduler.active.add(laneId);
}

/** One job of the lane; when it has to wait, a timer says until when. */
function startOne<Job>(
  scheduler: Scheduler<Job>,
  laneId: string,
  now: number,
  mayStart: (job: Job) => boolean,
): Started<Job> | undefined {
  const lane = laneOf(scheduler, laneId);
  const [expiredId] = lane.expired;
  if (expiredId !== undefined) return start(scheduler, laneId, expiredId);
  const bounds = boundsOf(scheduler, lane);
  for (;;) {
    const priority = nextPriority(lane);
    if (priority === undefined) return undefined;
    const freeAt = givesAt(bounds);
    if (freeAt > now) {
      // One timer that comes in time is enough, however often something is added meanwhile.
      if (freeAt < Infinity && (lane.wakesAt === 0 || lane.wakesAt > freeAt)) {
        lane.wakesAt = freeAt;
        addTimer(scheduler.timers, freeAt, { laneId });
      }
      return undefined;
    }
    const [recipientId = ''] = lane.ready[priority];
    const recipient = recipientOf(lane, recipientId);
    const [first] = recipient.entries;
    const recipientFreeAt =
      first === undefined || mayStart(first.job)
        ? availableAt(recipient.taken, scheduler.pairLimit)
        : now + REFUSED_MS;
    if (recipientFreeAt > now) {
      lane.ready[priority].delete(recipientId);
      recipient.waitsUntil = recipientFreeAt;
      addTimer(scheduler.timers, recipientFreeAt, { laneId, recipientId });
      continue;
    }
    takeFrom(bounds, now);
    countPassed(lane, priority);
    const takenBefore = recipient.taken;
    recipient.taken = take(takenBefore, scheduler.pairLimit, now);
    return start(scheduler, laneId, recipientId, takenBefore);
  }
}

/**
 * When a job that has started may be sent: at `now`, and then it is taken from the limits of its number, and of what that shares, or when to
 * ask again. They are the same limits, as if they began here: what lies between the start and the call may take long, for many at once, and
 * they must not leave together. To be asked right before the call.
 */
export function pace<Job>(scheduler: Scheduler<Job>, { lane }: Started<Job>, now: number): number {
  return paceOf(boundsOf(scheduler, laneOf(scheduler, lane)), now);
}

/** How many lanes would start something if it were not for a pause, their own or one that they share. */
export function countPaused<Job>(scheduler: Scheduler<Job>, now: number): number {
  const wouldStart = (lane: Lane<Job>) =>
    nextPriority(lane) !== undefined && restsUntil(boundsOf(scheduler, lane)) > now;
  return [...scheduler.lanes.values()].filter(wouldStart).length;
}

/** Whether nothing of the lane may start, for a pause of its own or of what it shares. */
export function isPaused<Job>(scheduler: Scheduler<Job>, laneId: string, now: number): boolean {
  const lane = scheduler.lanes.get(laneId);
  return lane !== undefined && restsUntil(boundsOf(scheduler, lane)) > now;
}

function boundsOf<Job>({ shared }: Scheduler<Job>, lane: Lane<Job>): Bound[] {
  return [lane, ...lane.sharedIds.flatMap((id) => shared.get(id) ?? [])];
}

function start<Job>(
  scheduler: Scheduler<Job>,
  laneId: string,
  recipientId: string,
  takenBefore?: Gcra,
): Started<Job> | undefined {
  const lane = laneOf(scheduler, laneId);
  const recipient = recipientOf(lane, recipientId);
  const entry = recipient.entries.shift();
  if (entry === undefined) return undefined;
  lane.ready[entry.priority].delete(recipientId);
  lane.expired.delete(recipientId);
  recipient.inFlight = true;
  recipient.waitsUntil = 0;
  scheduler.queued--;
  scheduler.inFlight++;
  lane.inFlight++;
  return { lane: laneId, recipient: recipientId, takenBefore, ...entry };
}

/**
 * Nothing was sent of a job that has started: its recipient's limit is as it was before. To be called before the job has ended, so that no other
 * of the recipient can have started since. Not of one that was paced.
 * @param isOver it will not start again, so its number has one more to give: thousands may have nothing to send. One that is tried again has
 * not, and what several numbers share has not either: whoever gives back is asked first, and the others of its account would wait for it
 */
export function giveBack<Job>(
  scheduler: Scheduler<Job>,
  { lane: laneId, recipient, takenBefore }: Started<Job>,
  isOver: boolean,
): void {
  if (takenBefore === undefined) return;
  const lane = laneOf(scheduler, laneId);
  recipientOf(lane, recipient).taken = takenBefore;
  if (!isOver) return;
  giveBackTo(lane);
  scheduler.active.add(laneId);
}

/** The most urgent that is ready, unless a less urgent one has let pass as many as it must. */
function nextPriority<Job>({ ready, passed }: Lane<Job>): Priority | undefined {
  const waiting = priorities.filter((priority) => ready[priority].size > 0);
  return waiting.findLast((priority) => passed[priority] >= PATIENCE[priority]) ?? waiting[0];
}

function countPassed<Job>({ ready, passed }: Lane<Job>, started: Priority): void {
  for (const priority of priorities) {
    passed[priority] = priority === started || ready[priority].size === 0 ? 0 : passed[priority] + 1;
  }
}

/** The started job has ended: the recipient's next may start. */
export function finish<Job>(
  scheduler: Scheduler<Job>,
  { lane: laneId, recipient: recipientId }: Pick<Started<Job>, 'lane' | 'recipient'>,
): void {
  const lane = laneOf(scheduler, laneId);
  recipientOf(lane, recipientId).inFlight = false;
  scheduler.inFlight--;
  lane.inFlight--;
  offer(scheduler, laneId, recipientId);
}

/** The started job comes first again, or at its place, and not before `notBefore`; those behind it wait with it. */
export function startAgain<Job>(scheduler: Scheduler<Job>, started: Started<Job>, notBefore: number): void {
  const { lane, recipient: recipientId, takenBefore: _, ...entry } = started;
  const recipient = recipientOf(laneOf(scheduler, lane), recipientId);
  const { entries } = recipient;
  const before = entries.findIndex(({ place }) => place >= entry.place);
  const index = before < 0 ? entries.length : before;
  // Its timer may have come while it was under way.
  entries.splice(index, 0, { ...entry, isTimed: entry.expiresAt === Infinity });
  if (index === 0) recipient.waitsUntil = notBefore;
  scheduler.queued++;
  finish(scheduler, started);
}

/** What waits for the same recipient, in its order. */
export function waitingFor<Job>(
  { lanes }: Scheduler<Job>,
  { lane, recipient }: Pick<Asked<Job>, 'lane' | 'recipient'>,
): readonly { readonly job: Job }[] {
  return lanes.get(lane)?.recipients.get(recipient)?.entries ?? [];
}

/** By lane the least that is told of what comes next for its recipients, of whom every one is looked at. */
export function leastOf<Job>(scheduler: Scheduler<Job>, read: (job: Job) => number): Map<string, number> {
  const least = new Map<string, number>();
  for (const [laneId, { recipients }] of scheduler.lanes)
    for (const { entries } of recipients.values()) {
      const [first] = entries;
      if (first === undefined) continue;
      const one = read(first.job);
      if (one < (least.get(laneId) ?? Infinity)) least.set(laneId, one);
    }
  return least;
}

/** Lets queued jobs start whatever the limits say, each in its order: they will not be sent. */
export function expire<Job>(scheduler: Scheduler<Job>, isExpired: (job: Job) => boolean): void {
  for (const [laneId, { recipients }] of scheduler.lanes) {
    for (const [recipientId, { entries, inFlight }] of recipients) {
      const expired = entries.filter(({ job, expiresAt }) => expiresAt > 0 && isExpired(job));
      for (const entry of expired) Object.assign(entry, { expiresAt: 0, isTimed: false });
      if (expired.length > 0 && !inFlight) offer(scheduler, laneId, recipientId);
    }
  }
}

/** Forgets queued jobs, recipients that have rested long enough to be like new, idle lanes that are not to be kept, and timers of what has left. */
export function sweep<Job>(
  scheduler: Scheduler<Job>,
  now: number,
  isDropped: (job: Job) => boolean,
  isKept: (laneId: string) => boolean = () => true,
): void {
  for (const [laneId, lane] of scheduler.lanes) {
    for (const [recipientId, recipient] of lane.recipients) {
      const [first] = recipient.entries;
      const kept = recipient.entries.filter(({ job }) => !isDropped(job));
      scheduler.queued -= recipient.entries.length - kept.length;
      recipient.entries = kept;
      if (kept[0] !== first) {
        withdraw(lane, recipientId);
        if (!recipient.inFlight) offer(scheduler, laneId, recipientId);
      }
      if (kept.length === 0 && !recipient.inFlight && recipient.taken <= now)
        lane.recipients.delete(recipientId);
    }
    if (lane.recipients.size === 0 && lane.taken <= now && !isKept(laneId)) {
      scheduler.lanes.delete(laneId);
      scheduler.active.delete(laneId);
      scheduler.crowded.delete(laneId);
    }
  }
  keepTimers(scheduler.timers, (due, at) => isAwaited(scheduler, due, at));
}

/** Whether anything still waits for this timer: most of those that come when a job expires outlive it by hours. */
function isAwaited<Job>({ lanes }: Scheduler<Job>, { laneId, recipientId }: Due, at: number): boolean {
  if (recipientId === undefined) return lanes.has(laneId);
  const recipient = lanes.get(laneId)?.recipients.get(recipientId);
  const first = recipient?.entries[0];
  return first !== undefined && (at === first.expiresAt || at === recipient?.waitsUntil);
}

function laneOf<Job>({ lanes }: Scheduler<Job>, laneId: string): Lane<Job> {
  const lane = lanes.get(laneId);
  if (lane === undefined) throw new Error('the lane was not made known by setLane');
  return lane;
}

function recipientOf<Job>({ recipients }: Lane<Job>, recipientId: string): Recipient<Job> {
  let recipient = recipients.get(recipientId);
  if (recipient === undefined)
    recipients.set(recipientId, (recipient = { entries: [], inFlight: false, taken: RESTED, waitsUntil: 0 }));
  return recipient;
}
