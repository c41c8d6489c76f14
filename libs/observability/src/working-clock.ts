/** Milliseconds in which the process could have worked. */
export type WorkingClock = { now(): number; close(): void };

const TICK_MS = 500;

/**
 * A clock that stands while something that the process needs is away, or while the process itself is frozen: by it a loop that waits for a database
 * is told from one that hangs. It lags by half a second.
 */
export function createWorkingClock(isHeldUp: () => boolean): WorkingClock {
  let worked = 0;
  let last = performance.now();
  const ticker = setInterval(() => {
    const now = performance.now();
    if (!isHeldUp()) worked += Math.min(now - last, 2 * TICK_MS);
    last = now;
  }, TICK_MS).unref();
  return { now: () => worked, close: () => clearInterval(ticker) };
}
