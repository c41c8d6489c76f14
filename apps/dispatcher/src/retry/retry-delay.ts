export type RetryPolicy = {
  /** Milliseconds before the 2nd, 3rd … attempt; when it is used up, so are the attempts. */
  readonly schedule: readonly number[];
  readonly jitterPercent: number;
};

/**
 * How long to wait after `attempts` failed attempts, lengthened by chance so that many do not come back at once.
 * @param random from 0 to below 1
 * @returns milliseconds, or undefined when no attempt is left
 */
export function retryDelay(attempts: number, policy: RetryPolicy, random: number): number | undefined {
  const delay = policy.schedule[attempts - 1];
  return delay === undefined ? undefined : Math.round(delay * (1 + (policy.jitterPercent / 100) * random));
}

/**
 * Until when a retry topic holds a record: until it is due, but never longer than twice the topic's own delay, because those behind it are
 * held as well. What is not due by then goes on to the topic for the rest of its time.
 */
export function heldUntil(dueAt: number, writtenAt: number, tierDelayMs: number): number {
  return Math.min(dueAt, writtenAt + 2 * tierDelayMs);
}
