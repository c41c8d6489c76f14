/** Spreads work evenly over time. */
export type Pacer = {
  /** Takes so many. @returns after how many milliseconds they may leave */
  take(count: number, now: number): number;
};

/** What was missed is made up for only so far: after a pause nothing leaves in a burst. */
const BEHIND_MS = 200;

/** @param start when the first may leave; times are milliseconds of one clock */
export function createPacer(perSecond: number, start: number): Pacer {
  let nextAt = start;
  return {
    take(count, now) {
      const at = Math.max(nextAt, now - BEHIND_MS);
      nextAt = at + (count * 1000) / perSecond;
      return Math.max(0, at - now);
    },
  };
}
