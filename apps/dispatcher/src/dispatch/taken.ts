import { type LedgerRow } from '../ledger/ledger';
import { type BusinessNumber } from '../open-tokens';
import { mayGo } from './check-command';
import { type Decision } from './decide';
import { commandsSeen } from './dispatch.metrics';
import { idOf, isSameRecord, isStrict, type Job } from './job';
import { follow, settle } from './settle';
import { type AttemptDependencies, type Turn } from './turn';

const BUSY_MS = 1000;
/** How much longer than its call a claim of another process may live: it has to be settled as well. */
const SETTLING_MS = 2000;

/** A command that is not free to be tried: settled before, or nobody knows whether it was sent. */
export async function followTaken(
  dependencies: AttemptDependencies,
  job: Job,
  number: BusinessNumber | undefined,
  row: LedgerRow,
): Promise<Turn> {
  const { outcome, version, attempts } = row;
  const isRedelivery = isSameRecord(row.source, job);
  switch (row.state) {
    case 'claimed':
      job.attemptsBefore = row.attemptsBefore;
      return outlast(dependencies, job, row);
    case 'retrying':
      return waitAgain(dependencies, job, row);
    case 'unknown':
      if (isRedelivery && outcome !== null && job.toldVersion !== version)
        return follow(dependencies, job, outcome, { version, attempts });
      return reconcile(dependencies, job, number, row);
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

/**
 * Looks whether a status brought the wamid; when the time for that is over, the command's own policy decides. A resend is an attempt like any
 * other; what may not go any more, because it has expired or was cancelled, stays unknown: nobody may say of it that it was not sent.
 */
async function reconcile(
  dependencies: AttemptDependencies,
  job: Job,
  number: BusinessNumber | undefined,
  row: LedgerRow,
): Promise<Turn> {
  const { ledger, config, outlet, registry } = dependencies;
  const wamid = await ledger.findByStatus(idOf(job), row.attemptsBefore);
  if (wamid !== undefined) {
    commandsSeen.inc({ result: 'reconciled' });
    return settle(dependencies, job, row.attempts, { kind: 'accepted', wamid }, { claimant: row.owner });
  }
  if ((row.unknownMsAgo ?? 0) < config.UNKNOWN_WAIT) {
    if (isStrict(job)) return { kind: 'again', afterMs: config.UNKNOWN_CHECK_INTERVAL, isLong: true };
    await outlet.retry(job.record, row.attempts, Date.now() + config.UNKNOWN_CHECK_INTERVAL);
    return { kind: 'done' };
  }
  const mayResend = job.command.onUnknown === 'resend' && mayGo(registry, job.command, number).ok;
  if (mayResend && row.attempts - row.attemptsBefore <= config.RETRY_SCHEDULE.length) {
    await ledger.allowResend(idOf(job), row.attempts);
    return { kind: 'again', afterMs: 0 };
  }
  const error = { class: 'ambiguous', message: 'nobody could confirm whether Meta took it' };
  const decision: Decision = { kind: 'dead-letter', cause: 'ambiguous', error };
  return settle(dependencies, job, row.attempts, decision, { claimant: row.owner });
}
