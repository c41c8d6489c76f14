/**
 * How much of its rate a number gets after Meta said that it is too much (130429): half each time, and then slowly more again, as TCP does it
 * (additive increase, multiplicative decrease). Pure; times in milliseconds.
 */
export type Slowed = { readonly share: number; readonly at: number };

/** Calls that were under way together fail together: they are one sign, not many. */
const ONE_SIGN_MS = 1000;
const LEAST = 1 / 64;
/** Of the full rate, a second: half of it is back after 50 s. */
const REGAINED_PER_SECOND = 0.01;

export function slowDown(slowed: Slowed | undefined, now: number): Slowed {
  if (slowed !== undefined && now - slowed.at < ONE_SIGN_MS) return slowed;
  return { share: Math.max(LEAST, shareAt(slowed, now) / 2), at: now };
}

/** @returns above 0 and at most 1 */
export function shareAt(slowed: Slowed | undefined, now: number): number {
  if (slowed === undefined) return 1;
  return Math.min(1, slowed.share + ((now - slowed.at) / 1000) * REGAINED_PER_SECOND);
}
