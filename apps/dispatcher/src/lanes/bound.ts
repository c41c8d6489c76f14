import { availableAt, type Gcra, type Limit, RESTED, spent, take } from '@talaria/rate-limit';

/**
 * A limit, how much of it is taken, and until when nothing may be taken at all: because it was found to be too much (`pausedUntil`, which
 * only grows), or because somebody says so (`heldUntil`, which may be taken back). `paced` is how much of it was sent; see `paceOf`.
 */
export type Bound = { limit: Limit; taken: Gcra; paced: Gcra; pausedUntil: number; heldUntil: number };

export const UNLIMITED: Limit = { intervalMs: 0, burst: 1 };
export const UNBOUND: Readonly<Bound> = {
  ...{ limit: UNLIMITED, taken: RESTED, paced: RESTED },
  ...{ pausedUntil: 0, heldUntil: 0 },
};

/** Whether what was to wait by the old setting may start by the new one. */
export function mayFree(old: Bound, limit: Limit, heldUntil: number): boolean {
  return heldUntil < old.heldUntil || !isSame(old.limit, limit);
}

function isSame(one: Limit, other: Limit): boolean {
  return one.intervalMs === other.intervalMs && one.burst === other.burst;
}

type Taken = Pick<Bound, 'taken' | 'paced'>;

/**
 * What several lanes share, set anew; without a limit, nothing of what was taken is remembered. Where there was none, it starts with nothing to give.
 */
export function bounded(
  id: string,
  known: Readonly<Bound>,
  limit: Limit | undefined,
  now: number,
  heldUntil: number,
): Bound {
  const { pausedUntil } = known;
  if (limit === undefined) return { ...UNBOUND, pausedUntil, heldUntil };
  const { taken, paced } = known.limit === UNLIMITED ? emptied(id, limit, now) : known;
  return { limit, taken, paced, pausedUntil, heldUntil };
}

/** Each at a time of its own within the first interval: a thousand numbers that begin together would go on starting together. */
export function emptied(id: string, limit: Limit, now: number): Taken {
  const taken = spent(limit, now) + phaseOf(id) * limit.intervalMs;
  return { taken, paced: taken };
}

/** From 0 to below 1, the same for the same id, spread evenly (FNV-1a). */
function phaseOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}

/** Until when nothing may be taken of them at all. */
export function restsUntil(bounds: readonly Bound[]): number {
  return Math.max(...bounds.map(({ pausedUntil, heldUntil }) => Math.max(pausedUntil, heldUntil)));
}

/** When one may be taken of all of them. */
export function givesAt(bounds: readonly Bound[]): number {
  return Math.max(restsUntil(bounds), ...bounds.map(({ taken, limit }) => availableAt(taken, limit)));
}

/** Takes one of each. */
export function takeFrom(bounds: readonly Bound[], now: number): void {
  for (const bound of bounds) bound.taken = take(bound.taken, bound.limit, now);
}

/**
 * Gives one back of which nothing was sent, down to what was. Others may have started since, told when by what is given back now: so this may be
 * one more than there would have been. It lets something start sooner, and nothing be sent sooner, see `paceOf`.
 */
export function giveBackTo(bound: Bound): void {
  const { taken, paced, limit } = bound;
  bound.taken = Math.max(Math.min(taken, paced), taken - limit.intervalMs);
}

/**
 * When what was taken may be sent, by these limits as if they began here: at `now`, and then it counts as sent, or when to ask again, since
 * by then they may be others.
 */
export function paceOf(bounds: readonly Bound[], now: number): number {
  const at = Math.max(now, ...bounds.map(({ paced, limit }) => availableAt(paced, limit)));
  if (at <= now) for (const bound of bounds) bound.paced = take(bound.paced, bound.limit, now);
  return at;
}
