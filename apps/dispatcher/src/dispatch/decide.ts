import { type DeadLetterCause } from '@talaria/contracts';
import { classifyError, type ErrorClass, type SendResult } from '@talaria/whatsapp';
import { retryDelay, type RetryPolicy } from '../retry/retry-delay';

export type ErrorReport = {
  readonly code?: number;
  readonly class: string;
  readonly message: string;
  /** Meta's own id of the failed call. */
  readonly fbtraceId?: string;
};

/** Who rests after Meta throttled or refused the sender. */
export type Pause = 'pair' | 'number' | 'account' | 'app' | 'parked';

/** How often a command was throttled since its last attempt that counted. */
export type Strikes = Readonly<Partial<Record<Pause, number>>>;

/** What follows from an attempt. */
export type Decision =
  | { readonly kind: 'accepted'; readonly wamid: string; readonly waId?: string }
  /** A further attempt after a delay; this one is spent. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: ErrorReport }
  /** Not this command's fault: it comes again, nothing is spent, and `pause` says who rests meanwhile. */
  | {
      readonly kind: 'wait';
      readonly pause: Pause;
      readonly delayMs: number;
      readonly error: ErrorReport;
    }
  /** Its campaign was cancelled before it was sent. */
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'unknown'; readonly error: ErrorReport }
  | { readonly kind: 'dead-letter'; readonly cause: DeadLetterCause; readonly error: ErrorReport };

export type Circumstances = {
  /** Attempts made, this one included. */
  readonly attempts: number;
  /** Before this attempt. */
  readonly strikes: Strikes;
  readonly retry: RetryPolicy;
  readonly parkMs: number;
  /** From 0 to below 1. */
  readonly random: number;
};

const MAX_PAIR_STRIKES = 5;
const MAX_NUMBER_PAUSE_MS = 60_000;
const ACCOUNT_PAUSE_MS = 300_000;
const MAX_ACCOUNT_PAUSE_MS = 3_600_000;
/** A hint of 0 seconds must not become a loop without a pause. */
const MIN_PAUSE_MS = 1000;

/** What to do after a call, by Meta's code alone. Pure. */
export function decide(result: SendResult, circumstances: Circumstances): Decision {
  switch (result.kind) {
    case 'accepted':
      return {
        kind: 'accepted',
        wamid: result.wamid,
        ...(result.waId !== undefined && { waId: result.waId }),
      };
    case 'unknown':
      return { kind: 'unknown', error: { class: 'ambiguous', message: result.reason } };
    case 'not-sent':
      return again({ class: 'transient', message: result.reason }, circumstances, undefined);
    case 'refused': {
      const { error, httpStatus, retryAfterMs } = result;
      const errorClass = classifyError(error.code, httpStatus, error.isTransient);
      return refused(
        errorClass,
        {
          code: error.code,
          class: errorClass,
          message: error.title,
          ...(error.fbtraceId !== undefined && { fbtraceId: error.fbtraceId }),
        },
        circumstances,
        retryAfterMs,
      );
    }
  }
}

function refused(
  errorClass: ErrorClass,
  error: ErrorReport,
  circumstances: Circumstances,
  retryAfterMs: number | undefined,
): Decision {
  const { strikes, random, parkMs } = circumstances;
  const { pair: pairStrikes = 0, number: numberStrikes = 0 } = strikes;
  const pauseFor = (ms: number) => Math.round(Math.max(ms, MIN_PAUSE_MS) * (1 + random / 4));
  switch (errorClass) {
    case 'transient':
      return again(error, circumstances, retryAfterMs);
    case 'rate-pair':
      if (pairStrikes >= MAX_PAIR_STRIKES) return { kind: 'dead-letter', cause: 'exhausted', error };
      return {
        kind: 'wait',
        pause: 'pair',
        delayMs: pauseFor(retryAfterMs ?? 1000 * 4 ** pairStrikes),
        error,
      };
    case 'rate-number': {
      const delayMs = retryAfterMs ?? Math.min(1000 * 2 ** numberStrikes, MAX_NUMBER_PAUSE_MS);
      return { kind: 'wait', pause: 'number', delayMs: pauseFor(delayMs), error };
    }
    case 'rate-account':
    case 'rate-app': {
      const pause = errorClass === 'rate-app' ? 'app' : 'account';
      const delayMs =
        retryAfterMs ?? Math.min(ACCOUNT_PAUSE_MS * 2 ** (strikes[pause] ?? 0), MAX_ACCOUNT_PAUSE_MS);
      return { kind: 'wait', pause, delayMs: pauseFor(delayMs), error };
    }
    case 'auth':
    case 'config':
      return { kind: 'wait', pause: 'parked', delayMs: parkMs, error };
    case 'recipient':
    case 'content':
    case 'window':
      return { kind: 'dead-letter', cause: 'permanent', error };
  }
}

function again(error: ErrorReport, circumstances: Circumstances, retryAfterMs: number | undefined): Decision {
  const delayMs = retryDelay(circumstances.attempts, circumstances.retry, circumstances.random);
  if (delayMs === undefined) return { kind: 'dead-letter', cause: 'exhausted', error };
  return { kind: 'retry', delayMs: Math.max(delayMs, retryAfterMs ?? 0), error };
}
