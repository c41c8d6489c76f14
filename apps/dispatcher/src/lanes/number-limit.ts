import { type Limit, perSecond } from '@talaria/rate-limit';

/** What Meta may allow a number. */
const MAX_PER_SECOND = 1000;
/** However much comes in, answers to it go out. */
const LEAST = 0.05;

/**
 * What a number may send: its part of what Meta allows it, and no more than what it receives leaves of that, since Meta counts both
 * together. The burst makes up for what timers are late by (a twentieth of a second), but never so much that a window of a second holds
 * more than is left. Pure.
 * @param number.messagesPerSecond what Meta allows, inbound and outbound together; anything that Meta does not know is taken as the nearest
 * @param number.percent of that, at most so much is used
 * @param number.share what is used of all this, above 0 and at most 1
 */
export function numberLimit(number: {
  readonly messagesPerSecond: number;
  readonly inboundPerSecond: number;
  readonly percent: number;
  readonly share: number;
}): Limit {
  const { inboundPerSecond, percent, share } = number;
  const allowed = Math.min(Math.max(number.messagesPerSecond, 1), MAX_PER_SECOND);
  const left = Math.max(allowed - inboundPerSecond, allowed * LEAST);
  const rate = Math.min((allowed * percent) / 100, left) * share;
  return perSecond(rate, Math.max(1, Math.min(Math.floor(rate / 20), Math.floor(left - rate))));
}
