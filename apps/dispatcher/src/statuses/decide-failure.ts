import { classifyError, type ErrorClass, errorCatalogue } from '@talaria/whatsapp';
import { type LedgerRow, type Outcome } from '../ledger/ledger';
import { retryDelay, type RetryPolicy } from '../retry/retry-delay';
import { type FailedStatus } from './failed-status';

export type FailureDecision =
  /** The answer of the same call is not recorded yet: look again in a moment. */
  | { readonly kind: 'wait' }
  /** It was counted when the call was answered, or the command has moved on since. */
  | { readonly kind: 'counted' }
  /** It was recorded before, and perhaps not told. */
  | { readonly kind: 'repeat'; readonly outcome: Outcome }
  | { readonly kind: 'settle'; readonly outcome: Outcome };

/** What is looked at of a command's row. */
export type FailedRow = Pick<LedgerRow, 'state' | 'attempts' | 'claimedMsAgo' | 'outcome'>;

export type FailureCircumstances = {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly retry: RetryPolicy;
  /** Nobody is at a claim any more that is older. */
  readonly claimLivesMs: number;
  /** From 0 to below 1. */
  readonly random: number;
};

/** The classes that pass by themselves. */
const RETRYABLE: ReadonlySet<ErrorClass> = new Set([
  'transient',
  'rate-number',
  'rate-pair',
  'rate-account',
  'rate-app',
]);

/**
 * What a failed status means for its command. Each failure counts once: what the attempt's own call was answered, or this status. Pure.
 */
export function decideFailure(
  status: FailedStatus,
  row: FailedRow,
  circumstances: FailureCircumstances,
): FailureDecision {
  if (row.attempts !== status.attempt) return { kind: 'counted' };
  const { outcome } = row;
  const recorded = outcome?.wamid === status.wamid ? outcome : null;
  switch (row.state) {
    case 'claimed':
      if (row.claimedMsAgo < circumstances.claimLivesMs) return { kind: 'wait' };
      break;
    case 'unknown':
      break;
    case 'accepted':
      // Another one's: a call of the same number that was refused and spent no attempt.
      if (recorded === null) return { kind: 'counted' };
      break;
    case 'retrying':
    case 'failed':
    case 'dead-lettered':
      return recorded === null ? { kind: 'counted' } : { kind: 'repeat', outcome: recorded };
    case 'cancelled':
      return { kind: 'counted' };
  }
  return { kind: 'settle', outcome: outcomeOfFailure(status, row.attempts, circumstances) };
}

function outcomeOfFailure(
  { wamid, code, title }: FailedStatus,
  attempts: number,
  { now, retry, random }: FailureCircumstances,
): Outcome {
  const errorClass = classifyError(code, 0);
  const message = title ?? 'Meta took the message, and told without a reason that it failed';
  const error = { ...(code !== undefined && { code }), class: errorClass, message };
  const told = { at: new Date(now).toISOString(), wamid, error };
  if (!RETRYABLE.has(errorClass)) return { state: 'failed', ...told };
  const tries = code === undefined ? undefined : errorCatalogue[code]?.asyncTries;
  const delayMs = attempts >= (tries ?? Infinity) ? undefined : retryDelay(attempts, retry, random);
  if (delayMs === undefined) return { state: 'dead-lettered', cause: 'exhausted', ...told };
  return { state: 'retrying', nextAttemptAt: new Date(now + delayMs).toISOString(), ...told };
}
