import { hashOfWamid, traceIdOf } from '@talaria/observability';
import { type Outcome } from '../ledger/ledger';
import { type Decision } from './decide';
import { idOf, isStrict, type Job, sourceOf } from './job';
import { outcomeOf } from './outcome-of';
import { letterOf } from './outlet';
import { type AttemptDependencies, type Turn } from './turn';

/** What is told of a call beside what came of it. */
export type Beginning = Pick<Outcome, 'startedAt' | 'traceId'>;

export function beginning({ trace }: Job): Beginning {
  const traceId = traceIdOf(trace);
  return { startedAt: new Date().toISOString(), ...(traceId !== undefined && { traceId }) };
}

/**
 * Records what came of an attempt, tells it, and says how the job goes on.
 * @param of whose claim it was, when it was not ours; and when the call began, when it was
 */
export async function settle(
  dependencies: AttemptDependencies,
  job: Job,
  attemptNumber: number,
  decision: Decision,
  of: { readonly claimant?: string; readonly begun?: Beginning },
): Promise<Turn> {
  const { ledger } = dependencies;
  const { claimant, begun } = of;
  const { UNKNOWN_CHECK_INTERVAL: checkMs } = dependencies.config;
  const outcome = Object.assign({}, outcomeOf(untilExpiry(decision, job), Date.now(), checkMs), begun);
  const isWait = decision.kind === 'wait';
  const attempts = isSpent(decision) ? attemptNumber : attemptNumber - 1;
  const version = await insist(dependencies, () =>
    ledger.settle({
      source: sourceOf(job),
      claimedAttempt: attemptNumber,
      attempts,
      outcome,
      isTold: !isWait,
      ...idOf(job),
      ...(claimant !== undefined && { owner: claimant }),
    }),
  );
  if (isWait) {
    const { pause, delayMs: afterMs } = decision;
    // Its breaker holds the lane, and knows better until when.
    if (pause === 'parked' || pause === 'resting') return { kind: 'again', afterMs: 0 };
    job.strikes = { ...job.strikes, [pause]: (job.strikes[pause] ?? 0) + 1 };
    return pause === 'pair' ? { kind: 'again', afterMs } : { kind: 'rest', who: pause, afterMs };
  }
  job.strikes = {};
  // Somebody else has settled this attempt: what it led to is theirs to tell.
  if (version === undefined) {
    if (outcome.state === 'accepted')
      dependencies.logger.error(
        { ...idOf(job), attempt: attemptNumber, wamidHash: hashOfWamid(outcome.wamid ?? '') },
        'Meta took a message of a claim that was no longer ours: compare its story',
      );
    return { kind: 'done' };
  }
  return follow(dependencies, job, outcome, { version, attempts });
}

/** One that holds others up comes again when it expires, if not before. */
function untilExpiry(decision: Decision, job: Job): Decision {
  const { expiresAt } = job.command;
  if (decision.kind !== 'retry' || !isStrict(job) || expiresAt === undefined) return decision;
  const leftMs = Math.max(0, Date.parse(expiresAt) - Date.now());
  return { ...decision, delayMs: Math.min(decision.delayMs, leftMs) };
}

/** Throttling spends no attempt, and neither does a command that was given up before its call. */
function isSpent(decision: Decision): boolean {
  if (decision.kind === 'wait' || decision.kind === 'cancelled') return false;
  return decision.kind !== 'dead-letter' || (decision.cause !== 'invalid' && decision.cause !== 'expired');
}

/** Tells an outcome, and sends the record where it goes next. May be done twice after a crash; then it is the same again. */
export async function follow(
  { outlet, config }: AttemptDependencies,
  job: Job,
  outcome: Outcome,
  count: { readonly version: number; readonly attempts: number },
): Promise<Turn> {
  const { command, record } = job;
  const told = outlet.tell(command, outcome, count);
  const dueAt = Date.parse(outcome.nextAttemptAt ?? '');
  const afterMs = dueAt - Date.now();
  const isShort = outcome.state === 'retrying' && afterMs < config.RETRY_IN_LANE_MAX;
  const comesAgain = outcome.state === 'retrying' || outcome.state === 'unknown';
  if (isShort || (comesAgain && isStrict(job))) {
    await told;
    job.firstFailureAt ??= outcome.at;
    job.toldVersion = count.version;
    return { kind: 'again', afterMs, isLong: !isShort };
  }
  if (comesAgain) {
    await Promise.all([told, outlet.retry(record, count.attempts, dueAt, job.firstFailureAt)]);
  } else if (outcome.state === 'dead-lettered') {
    const letter = { ...letterOf(outcome, count.attempts), firstFailureAt: job.firstFailureAt };
    await Promise.all([told, outlet.deadLetter(record, letter)]);
  } else {
    await told;
  }
  return { kind: 'done' };
}

const INSIST_MS = 1000;

/** What came of a call must not be lost because the database is away for a moment: it is recorded as soon as it is back. */
export async function insist<T>({ logger }: AttemptDependencies, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      logger.error({ err: error }, 'an outcome could not be recorded yet; it is tried again every second');
      await new Promise((resolve) => setTimeout(resolve, INSIST_MS));
    }
  }
}
