import { retryTiers, type Topic } from '@talaria/contracts';

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

/** The retry topic whose delay is nearest below; the shortest for anything less. Its head waits for its own due time in any case. */
export function retryTopicFor(delayMs: number): Topic {
  return retryTiers.findLast((tier) => tier.delayMs <= delayMs)?.topic ?? retryTiers[0].topic;
}
