import { type DeadLetterCause } from '@talaria/contracts';
import { errorRule, type ErrorRule, type SendResult } from '@talaria/whatsapp';
import { retryDelay, type RetryPolicy } from '../retry/retry-delay';

export type ErrorReport = {
  readonly code?: number;
  readonly class: string;
  readonly message: string;
  /** Meta's own id of the failed call. */
  readonly fbtraceId?: string;
};

/** Who rests after Meta throttled the sender, or refused it (`parked`), or does not answer as it should (`resting`). */
export type Pause = 'pair' | 'number' | 'account' | 'app' | 'parked' | 'resting';

/** How often a command was throttled since its last attempt that counted. */
export type Strikes = Readonly<Partial<Record<Pause, number>>>;

/** What follows from an attempt. */
export type Decision =
  | { readonly kind: 'accepted'; readonly wamid: string; readonly waId?: string }
  /** A further attempt after a delay; this one is spent. */
  | {
      readonly kind: 'retry';
      readonly delayMs: number;
      readonly error: ErrorReport;
      /** The fault is this message's alone, as far as Meta says. */
      readonly isOfMessage?: true;
    }
  /** Not this command's fault: it comes again, nothing is spent, and `pause` says who rests meanwhile. */
  | {
      readonly kind: 'wait';
      readonly pause: Pause;
      readonly delayMs: number;
      readonly error: ErrorReport;
      /** Of `parked`: all numbers of the WABA are. */
      readonly isOfAccount?: true;
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
  /** For a provider that says that it is overloaded (HTTP 503). */
  readonly unavailable: RetryPolicy;
  /** No delay is longer, whatever Meta says. */
  readonly maxDelayMs: number;
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
  const decision = answerTo(result, circumstances);
  if (decision.kind !== 'retry' && decision.kind !== 'wait') return decision;
  return { ...decision, delayMs: Math.min(decision.delayMs, circumstances.maxDelayMs) };
}

function answerTo(result: SendResult, circumstances: Circumstances): Decision {
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
      return again({ class: 'transient', message: result.reason }, circumstances);
    case 'refused': {
      const { error, httpStatus, retryAfterMs } = result;
      const rule = errorRule(error.code, httpStatus, error.isTransient);
      const report = {
        code: error.code,
        class: rule.class,
        message: error.title,
        ...(error.fbtraceId !== undefined && { fbtraceId: error.fbtraceId }),
      };
      return refused(rule, report, circumstances, { httpStatus, retryAfterMs });
    }
  }
}

type Hints = { readonly httpStatus: number; readonly retryAfterMs: number | undefined };

function refused(rule: ErrorRule, error: ErrorReport, circumstances: Circumstances, hints: Hints): Decision {
  const { strikes, random, parkMs, retry, unavailable } = circumstances;
  const { pair: pairStrikes = 0, number: numberStrikes = 0 } = strikes;
  const { waitMs = 0 } = rule;
  const { retryAfterMs } = hints;
  const pauseFor = (ms: number) =>
    Math.round(Math.max(retryAfterMs ?? ms, waitMs, MIN_PAUSE_MS) * (1 + random / 4));
  switch (rule.class) {
    case 'transient':
      return again(error, circumstances, {
        ...{ rule, policy: hints.httpStatus === 503 ? unavailable : retry },
        leastMs: Math.max(waitMs, retryAfterMs ?? 0),
      });
    case 'rate-pair':
      if (pairStrikes >= MAX_PAIR_STRIKES) return { kind: 'dead-letter', cause: 'exhausted', error };
      return { kind: 'wait', pause: 'pair', delayMs: pauseFor(1000 * 4 ** pairStrikes), error };
    case 'rate-number': {
      const delayMs = pauseFor(Math.min(1000 * 2 ** numberStrikes, MAX_NUMBER_PAUSE_MS));
      return { kind: 'wait', pause: 'number', delayMs, error };
    }
    case 'rate-account':
    case 'rate-app': {
      const pause = rule.class === 'rate-app' ? 'app' : 'account';
      const doubled = ACCOUNT_PAUSE_MS * 2 ** (strikes[pause] ?? 0);
      return { kind: 'wait', pause, delayMs: pauseFor(Math.min(doubled, MAX_ACCOUNT_PAUSE_MS)), error };
    }
    case 'auth':
    case 'config': {
      const delayMs = Math.max(parkMs, waitMs);
      const isOfAccount = rule.scope === 'account' && { isOfAccount: true as const };
      return { kind: 'wait', pause: 'parked', delayMs, error, ...isOfAccount };
    }
    case 'recipient':
    case 'content':
    case 'window':
      return { kind: 'dead-letter', cause: 'permanent', error };
  }
}

function again(
  error: ErrorReport,
  { attempts, random, retry }: Circumstances,
  fields: { readonly rule?: ErrorRule; readonly policy?: RetryPolicy; readonly leastMs?: number } = {},
): Decision {
  const { rule, policy = retry, leastMs = 0 } = fields;
  const delayMs = attempts < (rule?.tries ?? Infinity) ? retryDelay(attempts, policy, random) : undefined;
  if (delayMs === undefined) return { kind: 'dead-letter', cause: 'exhausted', error };
  const isOfMessage = rule?.scope === 'message' && { isOfMessage: true as const };
  return { kind: 'retry', delayMs: Math.max(delayMs, leastMs), error, ...isOfMessage };
}
