import { type Outcome } from '../ledger/ledger';
import { type Decision } from './decide';

/**
 * What is recorded and told of a decision.
 * @param now milliseconds since 1970
 * @param checkMs when to look again for what stayed unknown
 */
export function outcomeOf(decision: Decision, now: number, checkMs: number): Outcome {
  const at = new Date(now).toISOString();
  const later = (ms: number) => new Date(now + ms).toISOString();
  switch (decision.kind) {
    case 'accepted': {
      const { wamid, waId } = decision;
      return { state: 'accepted', at, wamid, ...(waId !== undefined && { waId }) };
    }
    case 'retry':
    case 'wait': {
      const { delayMs, error } = decision;
      const pause = decision.kind === 'wait' ? decision.pause : undefined;
      // A breaker knows better for how long, and may be closed before: in this process, and in whichever gets the command next.
      const waitMs = pause === 'parked' || pause === 'resting' ? 0 : delayMs;
      return { state: 'retrying', at, nextAttemptAt: later(waitMs), error, ...(pause && { pause }) };
    }
    case 'unknown':
      return {
        state: 'unknown',
        at,
        nextAttemptAt: later(checkMs),
        error: decision.error,
      };
    case 'cancelled':
      return { state: 'cancelled', at };
    case 'dead-letter':
      return { state: 'dead-lettered', at, cause: decision.cause, error: decision.error };
  }
}
