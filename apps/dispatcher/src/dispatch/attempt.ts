import { parseRedriven } from '@talaria/contracts';
import { type PhoneNumber } from '@talaria/database';
import { activeTraceId, inSpan, type Logger } from '@talaria/observability';
import { type CloudApiClient } from '@talaria/whatsapp';
import { SpanKind } from '@opentelemetry/api';
import { type DispatcherConfig } from '../config';
import {
  type Claim,
  type Claimed,
  type Ledger,
  type LedgerRow,
  type Outcome,
  type Source,
} from '../ledger/ledger';
import { type Registry } from '../registry';
import { type Breakers } from './breakers';
import { buildRequest } from './build-request';
import { checkCommand, type Checked } from './check-command';
import { decide, type Decision, type Pause } from './decide';
import { commandsSeen, graphApiDuration } from './dispatch.metrics';
import { fingerprintOf } from './fingerprint';
import { type Job } from './job';
import { outcomeOf } from './outcome-of';
import { letterOf, type Outlet } from './outlet';
import { reportAttempt } from './report-attempt';

export type AttemptDependencies = {
  readonly config: DispatcherConfig;
  readonly ledger: Ledger;
  readonly registry: Registry;
  readonly client: CloudApiClient;
  readonly outlet: Outlet;
  readonly breakers: Pick<Breakers, 'judge'>;
  readonly logger: Logger;
};

/** How the scheduler goes on after a job had its turn. */
export type Turn =
  /** The record is finished. */
  | { readonly kind: 'done' }
  /** The same job again, in front of its recipient. */
  | { readonly kind: 'again'; readonly afterMs: number }
  /** Likewise, and others rest with it. */
  | { readonly kind: 'rest'; readonly who: RestingPause; readonly afterMs: number };

/** @returns ms of the monotonic clock */
export type Pace = () => number;

export type RestingPause = Extract<Pause, 'number' | 'account' | 'app'>;

const BUSY_MS = 1000;
const NOT_OURS_MS = 100;
const NEW_NUMBER_MS = 250;
/** How much longer than its call a claim of another process may live: it has to be settled as well. */
const SETTLING_MS = 2000;

/**
 * One turn of a command: claim it in the ledger, call Meta, settle what came of it, tell it. In this order, so that at every instant
 * a crash leaves either nothing, or a claim that says "perhaps sent", or an outcome that can be told again.
 * @param pace when the call may be made, on the monotonic clock; asked right before it
 */
export async function attempt(dependencies: AttemptDependencies, job: Job, pace: Pace): Promise<Turn> {
  const { registry } = dependencies;
  const number = registry.find(job.command.phoneNumberId);
  if (number === undefined && registry.knownSince <= job.addedAt) {
    // It may have been added a moment ago. A failed reading is reported by the registry's own poll.
    registry.refresh().catch(() => undefined);
    return { kind: 'again', afterMs: NEW_NUMBER_MS };
  }
  const claimed = await dependencies.ledger.claim(claimOf(job));
  switch (claimed.kind) {
    case 'claimed':
      noteClaim(job, claimed);
      return makeAttempt(dependencies, job, claimed.attempt, number, pace);
    case 'busy':
      return { kind: 'again', afterMs: BUSY_MS };
    case 'taken':
      return lookAt(dependencies, job, number, claimed.row, pace);
    case 'conflict':
      return refuseConflict(dependencies, job);
  }
}

function noteClaim(
  job: Job,
  { attempt: claimed, attemptsBefore }: Extract<Claimed, { kind: 'claimed' }>,
): void {
  const isFirst = job.attemptsBefore === undefined && claimed === attemptsBefore + 1;
  if (isFirst && parseRedriven(job.record.headers) !== undefined) commandsSeen.inc({ result: 'redriven' });
  job.attemptsBefore = attemptsBefore;
}

/** Told to nobody but the dead letters: an event would be taken for one of the command that has the id. */
async function refuseConflict({ outlet, logger }: AttemptDependencies, job: Job): Promise<Turn> {
  const { id: commandId, wabaId, phoneNumberId } = job.command;
  logger.warn({ commandId, wabaId, phoneNumberId }, 'a command has the id of another and was dead-lettered');
  const message = 'the id belongs to a command with other contents: publish this one under an id of its own';
  await outlet.deadLetter(job.record, { cause: 'conflict', message, attempts: 0 });
  return { kind: 'done' };
}

async function makeAttempt(
  dependencies: AttemptDependencies,
  job: Job,
  attemptNumber: number,
  number: PhoneNumber | undefined,
  pace: Pace,
): Promise<Turn> {
  const adopted = await adoptIfSent(dependencies, job, attemptNumber);
  if (adopted !== undefined) return adopted;
  const checked = check(dependencies, job, number);
  if (checked.ok) await until(pace());
  // Nothing happens between this and the call: a process that is woken after a freeze gets no further than here.
  if (!job.isOurs()) return giveBack(dependencies, job, attemptNumber);
  const begun = checked.ok ? beginning() : {};
  const decision = checked.ok
    ? await decideAttempt(dependencies, job, attemptNumber, checked.number)
    : checked.decision;
  reportAttempt(dependencies.logger, job, attemptNumber, decision);
  return settle(dependencies, job, attemptNumber, decision, { begun });
}

/** What is told of a call beside what came of it. */
type Beginning = Pick<Outcome, 'startedAt' | 'traceId'>;

function beginning(): Beginning {
  const traceId = activeTraceId();
  return { startedAt: new Date().toISOString(), ...(traceId !== undefined && { traceId }) };
}

/** Of a command that was given up and is re-driven, a status may have come meanwhile: then Meta had taken it, and it is not sent again. */
async function adoptIfSent(
  dependencies: AttemptDependencies,
  job: Job,
  attemptNumber: number,
): Promise<Turn | undefined> {
  if (parseRedriven(job.record.headers) === undefined) return undefined;
  const wamid = await dependencies.ledger.findByStatus(idOf(job), attemptNumber - 1);
  if (wamid === undefined) return undefined;
  commandsSeen.inc({ result: 'reconciled' });
  const outcome: Outcome = { state: 'accepted', at: new Date().toISOString(), wamid };
  const count = { claimedAttempt: attemptNumber, attempts: attemptNumber - 1 };
  const version = await insist(dependencies, () =>
    dependencies.ledger.settle({ ...idOf(job), source: sourceOf(job), ...count, outcome, isTold: true }),
  );
  return version === undefined
    ? { kind: 'done' }
    : follow(dependencies, job, outcome, { version, attempts: count.attempts });
}

function check(
  { registry }: AttemptDependencies,
  { command }: Job,
  number: PhoneNumber | undefined,
): Checked {
  if (registry.isCancelled(command)) return { ok: false, decision: { kind: 'cancelled' } };
  return checkCommand(command, number, Date.now());
}

async function until(at: number): Promise<void> {
  const ms = at - performance.now();
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

async function decideAttempt(
  dependencies: AttemptDependencies,
  job: Job,
  attemptNumber: number,
  number: PhoneNumber,
): Promise<Decision> {
  const startedAt = performance.now();
  try {
    const decision = await call(dependencies, job, attemptNumber, number);
    return dependencies.breakers.judge(job.command, number.accessToken, decision, startedAt);
  } catch (error) {
    // A fault of ours in the middle of an attempt: nobody knows how far it came.
    dependencies.logger.error({ err: error, commandId: job.command.id }, 'an attempt broke off');
    return { kind: 'unknown', error: { class: 'ambiguous', message: 'the attempt broke off' } };
  }
}

async function call(
  { client, config }: AttemptDependencies,
  job: Job,
  attemptNumber: number,
  { phoneNumberId, accessToken }: PhoneNumber,
): Promise<Decision> {
  const { command } = job;
  const attributes = { 'messaging.message.conversation_id': command.id, 'talaria.attempt': attemptNumber };
  const stop = graphApiDuration.startTimer();
  const result = await inSpan('POST messages', { kind: SpanKind.CLIENT, attributes }, () =>
    client.send(phoneNumberId, accessToken, buildRequest(command, attemptNumber)),
  );
  stop();
  const { RETRY_JITTER_PERCENT: jitterPercent } = config;
  return decide(result, {
    attempts: attemptNumber - (job.attemptsBefore ?? 0),
    strikes: job.strikes,
    retry: { schedule: config.RETRY_SCHEDULE, jitterPercent },
    unavailable: { schedule: config.RETRY_SCHEDULE_UNAVAILABLE, jitterPercent },
    maxDelayMs: config.RETRY_DELAY_MAX,
    parkMs: config.PARK_DURATION,
    random: Math.random(),
  });
}

/** Nothing was sent, and whoever owns the record now may claim the same attempt at once. */
async function giveBack(dependencies: AttemptDependencies, job: Job, attemptNumber: number): Promise<Turn> {
  await insist(dependencies, () =>
    dependencies.ledger.settle({
      ...{ ...idOf(job), source: sourceOf(job), claimedAttempt: attemptNumber, attempts: attemptNumber - 1 },
      outcome: { state: 'retrying', at: new Date().toISOString() },
      isTold: false,
    }),
  );
  return { kind: 'again', afterMs: NOT_OURS_MS };
}

/** @param of whose claim it was, when it was not ours; and when the call began, when it was */
async function settle(
  dependencies: AttemptDependencies,
  job: Job,
  attemptNumber: number,
  decision: Decision,
  of: { readonly claimant?: string; readonly begun?: Beginning },
): Promise<Turn> {
  const { ledger } = dependencies;
  const { claimant, begun } = of;
  const outcome = {
    ...outcomeOf(decision, Date.now(), dependencies.config.UNKNOWN_CHECK_INTERVAL),
    ...begun,
  };
  const isWait = decision.kind === 'wait';
  const attempts = isSpent(decision) ? attemptNumber : attemptNumber - 1;
  const version = await insist(dependencies, () =>
    ledger.settle({
      ...idOf(job),
      source: sourceOf(job),
      claimedAttempt: attemptNumber,
      ...(claimant !== undefined && { owner: claimant }),
      attempts,
      outcome,
      isTold: !isWait,
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
  if (version === undefined) return { kind: 'done' };
  return follow(dependencies, job, outcome, { version, attempts });
}

/** Throttling spends no attempt, and neither does a command that was given up before its call. */
function isSpent(decision: Decision): boolean {
  if (decision.kind === 'wait' || decision.kind === 'cancelled') return false;
  return decision.kind !== 'dead-letter' || (decision.cause !== 'invalid' && decision.cause !== 'expired');
}

/** Tells an outcome, and sends the record where it goes next. May be done twice after a crash; then it is the same again. */
async function follow(
  { outlet, config }: AttemptDependencies,
  job: Job,
  outcome: Outcome,
  count: { readonly version: number; readonly attempts: number },
): Promise<Turn> {
  const { command, record } = job;
  const told = outlet.tell(command, outcome, count);
  const dueAt = Date.parse(outcome.nextAttemptAt ?? '');
  const afterMs = dueAt - Date.now();
  if (outcome.state === 'retrying' && afterMs < config.RETRY_IN_LANE_MAX) {
    await told;
    job.firstFailureAt ??= outcome.at;
    return { kind: 'again', afterMs };
  }
  if (outcome.state === 'retrying' || outcome.state === 'unknown') {
    await Promise.all([told, outlet.retry(record, count.attempts, dueAt, job.firstFailureAt)]);
  } else if (outcome.state === 'dead-lettered') {
    const letter = { ...letterOf(outcome, count.attempts), firstFailureAt: job.firstFailureAt };
    await Promise.all([told, outlet.deadLetter(record, letter)]);
  } else {
    await told;
  }
  return { kind: 'done' };
}

/** A command that is not free to be tried: settled before, or nobody knows whether it was sent. */
async function lookAt(
  dependencies: AttemptDependencies,
  job: Job,
  number: PhoneNumber | undefined,
  row: LedgerRow,
  pace: Pace,
): Promise<Turn> {
  const { outcome, version, attempts } = row;
  const isRedelivery = isSameRecord(row.source, job);
  switch (row.state) {
    case 'claimed':
      job.attemptsBefore = row.attemptsBefore;
      // One turn of a command is under way here, this one: the claim is ours, and only its answer was lost. Nothing was sent.
      return row.isMine
        ? makeAttempt(dependencies, job, attempts, number, pace)
        : outlast(dependencies, job, row);
    case 'retrying':
      return waitAgain(dependencies, job, row);
    case 'unknown':
      if (isRedelivery && outcome !== null) return follow(dependencies, job, outcome, { version, attempts });
      return reconcile(dependencies, job, row);
    case 'accepted':
    case 'cancelled':
    case 'failed':
    case 'dead-lettered':
      if (!isRedelivery) commandsSeen.inc({ result: 'repeated' });
      // Who settled it may have ended before it was told. Told twice, it is the same event; a second dead letter would be one more.
      if (outcome !== null && (isRedelivery || row.state !== 'dead-lettered'))
        return follow(dependencies, job, outcome, { version, attempts });
      return { kind: 'done' };
  }
}

/** Its next attempt is not due: it waits where it would have waited if it had not come again. */
async function waitAgain(dependencies: AttemptDependencies, job: Job, row: LedgerRow): Promise<Turn> {
  const { outcome } = row;
  const afterMs = Date.parse(outcome?.nextAttemptAt ?? '') - Date.now();
  // It became free, or due, after our claim had failed.
  if (outcome?.state !== 'retrying' || !(afterMs > 0)) return { kind: 'again', afterMs: BUSY_MS };
  return outcome.pause === undefined ? follow(dependencies, job, outcome, row) : { kind: 'again', afterMs };
}

/** Another process claimed it. It may be at it still; when its call must be over, it died between the call and the record of it. */
async function outlast(dependencies: AttemptDependencies, job: Job, row: LedgerRow): Promise<Turn> {
  if (row.claimedMsAgo < dependencies.config.GRAPH_API_TIMEOUT + SETTLING_MS)
    return { kind: 'again', afterMs: BUSY_MS };
  const error = { class: 'ambiguous', message: 'the process ended while the call was under way' };
  return settle(dependencies, job, row.attempts, { kind: 'unknown', error }, { claimant: row.owner });
}

/** Looks whether a status brought the wamid; when the time for that is over, the command's own policy decides. A resend is an attempt like any other. */
async function reconcile(dependencies: AttemptDependencies, job: Job, row: LedgerRow): Promise<Turn> {
  const { ledger, config, outlet } = dependencies;
  const wamid = await ledger.findByStatus(idOf(job), row.attemptsBefore);
  if (wamid !== undefined) {
    commandsSeen.inc({ result: 'reconciled' });
    return settle(dependencies, job, row.attempts, { kind: 'accepted', wamid }, { claimant: row.owner });
  }
  const waitedMs = Date.now() - (row.unknownSince?.getTime() ?? Date.now());
  if (waitedMs < config.UNKNOWN_WAIT) {
    await outlet.retry(job.record, row.attempts, Date.now() + config.UNKNOWN_CHECK_INTERVAL);
    return { kind: 'done' };
  }
  if (
    job.command.onUnknown === 'resend' &&
    row.attempts - row.attemptsBefore <= config.RETRY_SCHEDULE.length
  ) {
    await ledger.allowResend(idOf(job), row.attempts);
    return { kind: 'again', afterMs: 0 };
  }
  const error = { class: 'ambiguous', message: 'nobody could confirm whether Meta took it' };
  const decision: Decision = { kind: 'dead-letter', cause: 'ambiguous', error };
  return settle(dependencies, job, row.attempts, decision, { claimant: row.owner });
}

const INSIST_MS = 1000;

/** What came of a call must not be lost because the database is away for a moment: it is recorded as soon as it is back. */
async function insist<T>({ logger }: AttemptDependencies, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      logger.error({ err: error }, 'an outcome could not be recorded yet; it is tried again every second');
      await new Promise((resolve) => setTimeout(resolve, INSIST_MS));
    }
  }
}

function idOf({ command }: Job): { wabaId: string; commandId: string } {
  return { wabaId: command.wabaId, commandId: command.id };
}

function claimOf(job: Job): Claim {
  const { command } = job;
  return {
    ...idOf(job),
    phoneNumberId: command.phoneNumberId,
    fingerprint: fingerprintOf(command),
    source: sourceOf(job),
    redriven: parseRedriven(job.record.headers),
  };
}

function sourceOf({ record: { topic, partition, offset } }: Job): Source {
  return { topic, partition, offset };
}

function isSameRecord(source: Source, { record }: Job): boolean {
  return (
    source.topic === record.topic && source.partition === record.partition && source.offset === record.offset
  );
}
