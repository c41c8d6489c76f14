import { parseRedriven } from '@talaria/contracts';
import { scrub } from '@talaria/observability';
import { type SendResult } from '@talaria/whatsapp';
import { type Claim, type Claimed, type LedgerRow, type Outcome } from '../ledger/ledger';
import { type BusinessNumber } from '../open-tokens';
import { buildRequest } from './build-request';
import { mayGo } from './check-command';
import { decide, type Decision } from './decide';
import { codeOf, commandsSeen, graphApiDuration, graphApiResponses } from './dispatch.metrics';
import { fingerprintOf } from './fingerprint';
import { idOf, type Job, sourceOf } from './job';
import { reportAttempt } from './report-attempt';
import { beginning, follow, insist, settle } from './settle';
import { followTaken } from './taken';
import { type AttemptDependencies, type Pace, type Turn } from './turn';
import { inCallSpan } from './turn-span';

const BUSY_MS = 1000;
const NOT_OURS_MS = 100;
/** What was found out so long ago is looked at again: it may have expired, been cancelled, or have another token. */
const WAITED_MS = 100;
const NEW_NUMBER_MS = 250;

/**
 * One turn of a command: claim it in the ledger, call Meta, settle what came of it, tell it. In this order, so that at every instant
 * a crash leaves either nothing, or a claim that says "perhaps sent", or an outcome that can be told again.
 * @param pace asked right before the call
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
      if (mayBeForgotten(dependencies, job, claimed)) return lookFirst(dependencies, job, claimed.attempt);
      return makeAttempt(dependencies, job, claimed.attempt, number, pace);
    case 'busy':
      return { kind: 'again', afterMs: BUSY_MS };
    case 'taken':
      return isOurClaim(claimed.row)
        ? goOn(dependencies, job, claimed.row, number, pace)
        : followTaken(dependencies, job, number, claimed.row);
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

/** New to this ledger, and older than it: another that is lost may have known it. */
function mayBeForgotten(
  { config }: AttemptDependencies,
  { record }: Job,
  { attempt: claimed, attemptsBefore }: Extract<Claimed, { kind: 'claimed' }>,
): boolean {
  const { LEDGER_COMPLETE_FROM: from = -Infinity } = config;
  return claimed === 1 && attemptsBefore === 0 && record.timestamp < from;
}

async function lookFirst(dependencies: AttemptDependencies, job: Job, attemptNumber: number): Promise<Turn> {
  const wamid = await dependencies.ledger.findByStatus(idOf(job), 0);
  if (wamid !== undefined) {
    commandsSeen.inc({ result: 'reconciled' });
    return settle(dependencies, job, attemptNumber, { kind: 'accepted', wamid }, {});
  }
  const error = { class: 'ambiguous', message: 'published before the ledger begins: it may have been sent' };
  return settle(dependencies, job, attemptNumber, { kind: 'unknown', error }, {});
}

/** One turn of a command is under way here, this one: the claim is ours, and only its answer was lost. Nothing was sent. */
const isOurClaim = ({ state, isMine }: LedgerRow) => state === 'claimed' && isMine;

function goOn(
  dependencies: AttemptDependencies,
  job: Job,
  { attempts, attemptsBefore }: LedgerRow,
  number: BusinessNumber | undefined,
  pace: Pace,
): Promise<Turn> {
  job.attemptsBefore = attemptsBefore;
  return makeAttempt(dependencies, job, attempts, number, pace);
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
  number: BusinessNumber | undefined,
  pace: Pace,
): Promise<Turn> {
  const turnAt = performance.now();
  const adopted = await adoptIfSent(dependencies, job, attemptNumber);
  if (adopted !== undefined) return adopted;
  const { registry } = dependencies;
  const found = mayGo(registry, job.command, number);
  const askedAt = performance.now();
  if (found.ok && !(await pace())) return giveBack(dependencies, job, attemptNumber);
  const hasWaited = performance.now() - askedAt > WAITED_MS;
  const checked = hasWaited ? mayGo(registry, job.command, registry.find(job.command.phoneNumberId)) : found;
  const token = checked.ok ? checked.number.accessToken : '';
  // Nothing happens between this and the call: a process that is woken after a freeze gets no further than here.
  if (!job.isOurs() || token === undefined) return giveBack(dependencies, job, attemptNumber);
  const begun = checked.ok ? beginning(job) : {};
  const calledAt = performance.now();
  const decision = checked.ok
    ? await decideAttempt(dependencies, job, attemptNumber, token)
    : checked.decision;
  reportAttempt(dependencies, job, attemptNumber, decision, {
    turnAt,
    ...(checked.ok && { calledAt }),
  });
  return settle(dependencies, job, attemptNumber, decision, { begun });
}

/**
 * Of a command that was given up and is re-driven, a status may have come meanwhile: then Meta had taken it, and it is not sent again. Nor is one
 * that is tried again because a status told of its failure, or nothing told of it, when a later one tells that the customer has it.
 */
async function adoptIfSent(
  dependencies: AttemptDependencies,
  job: Job,
  attemptNumber: number,
): Promise<Turn | undefined> {
  const { ledger } = dependencies;
  const isRedriven = parseRedriven(job.record.headers) !== undefined;
  if (!isRedriven && attemptNumber === 1) return undefined;
  const wamid = isRedriven
    ? await ledger.findByStatus(idOf(job), attemptNumber - 1)
    : await ledger.findDelivered(idOf(job));
  if (wamid === undefined) return undefined;
  commandsSeen.inc({ result: 'reconciled' });
  const outcome: Outcome = { state: 'accepted', at: new Date().toISOString(), wamid };
  const count = { claimedAttempt: attemptNumber, attempts: attemptNumber - 1 };
  const version = await insist(dependencies, () =>
    ledger.settle({ source: sourceOf(job), outcome, isTold: true, ...idOf(job), ...count }),
  );
  return version === undefined
    ? { kind: 'done' }
    : follow(dependencies, job, outcome, { version, attempts: count.attempts });
}

async function decideAttempt(
  dependencies: AttemptDependencies,
  job: Job,
  attemptNumber: number,
  accessToken: string,
): Promise<Decision> {
  const startedAt = performance.now();
  try {
    const decision = await call(dependencies, job, attemptNumber, accessToken);
    return dependencies.breakers.judge(job.command, accessToken, decision, startedAt);
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
  accessToken: string,
): Promise<Decision> {
  const { command } = job;
  const stop = graphApiDuration.startTimer();
  const result = await inCallSpan(job, attemptNumber, config.GRAPH_API_URL, (span) =>
    client.send(command.phoneNumberId, accessToken, buildRequest(command, attemptNumber, span)),
  );
  stop();
  graphApiResponses.inc({ code: answerOf(result) });
  const { RETRY_JITTER_PERCENT: jitterPercent } = config;
  return decide(withoutSecrets(result, accessToken), {
    attempts: attemptNumber - (job.attemptsBefore ?? 0),
    strikes: job.strikes,
    retry: { schedule: config.RETRY_SCHEDULE, jitterPercent },
    unavailable: { schedule: config.RETRY_SCHEDULE_UNAVAILABLE, jitterPercent },
    maxDelayMs: config.RETRY_DELAY_MAX,
    parkMs: config.PARK_DURATION,
    random: Math.random(),
  });
}

function answerOf(result: SendResult): string {
  if (result.kind === 'accepted') return 'ok';
  return result.kind === 'refused' ? codeOf(result.error.code) : 'none';
}

/** Meta quotes what it refuses: a token that is not well formed, or who the message was for. */
function withoutSecrets(result: SendResult, accessToken: string): SendResult {
  if (result.kind !== 'refused') return result;
  return { ...result, error: { ...result.error, title: scrub(result.error.title, [accessToken]) } };
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

function claimOf(job: Job): Claim {
  const { command } = job;
  return {
    phoneNumberId: command.phoneNumberId,
    fingerprint: fingerprintOf(command),
    source: sourceOf(job),
    redriven: parseRedriven(job.record.headers),
    ...idOf(job),
  };
}
