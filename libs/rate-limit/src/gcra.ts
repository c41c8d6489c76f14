/**
 * The generic cell rate algorithm: a limiter whose whole state is one number. It is pure: the caller keeps the
 * state and tells the time, so several limits can be looked at together and then be taken all or none.
 */
export type Limit = {
  /** Milliseconds that one unit costs: 1000 / rate per second. */
  readonly intervalMs: number;
  /** How many units may leave at once after a rest; at least 1. */
  readonly burst: number;
};

/** Theoretical arrival time in milliseconds: when the limiter will have worked off all that was taken. */
export type Gcra = number;

/** A limiter that has rested: its whole burst is there. */
export const RESTED: Gcra = Number.NEGATIVE_INFINITY;

/** A limiter that has just given its whole burst: what a new owner starts with, since it knows nothing of the last one. */
export function spent(limit: Limit, now: number): Gcra {
  return now + limit.burst * limit.intervalMs;
}

/** @param perSecond units a second, above 0 */
export function perSecond(perSecond: number, burst: number): Limit {
  return { intervalMs: 1000 / perSecond, burst };
}

/** The earliest time (ms) at which one unit may be taken; not after `now` means at once. */
export function availableAt(state: Gcra, limit: Limit): number {
  return state - (limit.burst - 1) * limit.intervalMs;
}

/** The state after one unit was taken at `now`. Take only what `availableAt` allows. */
export function take(state: Gcra, limit: Limit, now: number): Gcra {
  return Math.max(state, now) + limit.intervalMs;
}
