import { setTimeout as delay } from 'node:timers/promises';
import { parseSendMessage, type SendMessage, topics } from '@talaria/contracts';
import { type BatchHandler, type KafkaRecord, type RecordReader } from '@talaria/kafka';
import {
  contextOf,
  CONVERSATION,
  inSpan,
  linksTo,
  type Logger,
  processAttributes,
} from '@talaria/observability';
import { SpanKind, trace } from '@opentelemetry/api';
import { type DispatcherConfig } from '../config';
import { failedStatuses } from '../dispatch/dispatch.metrics';
import { fingerprintOf } from '../dispatch/fingerprint';
import { letterOf, type Outlet, outletIn } from '../dispatch/outlet';
import { type FailureLedger, type SeenRow } from '../ledger/failures';
import { type Outcome } from '../ledger/ledger';
import { decideFailure } from './decide-failure';
import { type FailedStatus, readFailedStatus } from './failed-status';

export type FailedStatusDependencies = {
  readonly config: DispatcherConfig;
  readonly ledger: FailureLedger;
  /** Of the topics that commands are read from. */
  readonly reader: RecordReader;
  readonly outlet: Outlet;
  readonly logger: Logger;
};

/** The record that led to an attempt, and the command in it. */
type Original = { readonly record: KafkaRecord; readonly command: SendMessage };

const AT_ONCE_MS = 1000;
const LOOK_AGAIN_MS = 250;
const AFTER_FAULT_MS = 1000;
/** How much longer than its call a claim may live: its outcome has to be recorded as well. */
const RECORDING_MS = 10_000;

/**
 * Takes `whatsapp.events`: a message that failed after Meta had taken it is tried again, or its failure is recorded as final. Whatever is
 * done here may be done again, by whoever reads the event next: it is the same again.
 */
export function takeFailedStatuses(dependencies: FailedStatusDependencies): BatchHandler {
  const { logger } = dependencies;
  return async ({ topic, partition, records, lost, done }) => {
    const until = performance.now() + AT_ONCE_MS;
    for (const [taken, record] of records.entries()) {
      if (performance.now() > until) return { taken, resume: Promise.resolve() };
      try {
        const status = readFailedStatus(record);
        if (status !== undefined && (await follow(dependencies, record, status)) === 'later')
          return { taken, resume: sleep(LOOK_AGAIN_MS, lost) };
      } catch (error) {
        logger.error({ err: error, topic, partition }, 'a failed status could not be followed yet');
        return { taken, resume: sleep(AFTER_FAULT_MS, lost) };
      }
      done(record.offset);
    }
    return undefined;
  };
}

function follow(
  dependencies: FailedStatusDependencies,
  record: KafkaRecord,
  status: FailedStatus,
): Promise<'done' | 'later'> {
  const attributes = {
    ...processAttributes(record),
    [CONVERSATION]: status.commandId,
    'talaria.attempt': status.attempt,
  };
  const links = linksTo(record.headers);
  const parent = contextOf(record.headers);
  const options = { kind: SpanKind.CONSUMER, parent, links, attributes };
  return inSpan(`process ${record.topic}`, options, (span) => {
    const outlet = outletIn(dependencies.outlet, trace.setSpan(parent, span));
    return settle({ ...dependencies, outlet }, status);
  });
}

/** Records what the status means, and then tells it: a crash in between leaves what is found and told when the event comes again. */
async function settle(
  dependencies: FailedStatusDependencies,
  status: FailedStatus,
): Promise<'done' | 'later'> {
  const { ledger, config, outlet, logger } = dependencies;
  const row = await ledger.find(status);
  if (row === undefined) return 'done';
  const decision = decideFailure(status, row, {
    now: Date.now(),
    retry: { schedule: config.RETRY_SCHEDULE_FAILED, jitterPercent: config.RETRY_JITTER_PERCENT },
    claimLivesMs: config.GRAPH_API_TIMEOUT + RECORDING_MS,
    random: Math.random(),
  });
  if (decision.kind === 'wait') return 'later';
  if (decision.kind === 'counted') return count('counted_already');
  if (decision.kind === 'settle' && (await ledger.wasDelivered(status))) {
    logger.warn(lineOf(status), 'a message failed that was delivered: it is not sent again');
    return count('contradicted');
  }
  const original = await findOriginal(dependencies, row);
  const outcome =
    original === undefined
      ? withoutOriginal(decision.outcome)
      : decision.kind === 'settle'
        ? untilExpiry(decision.outcome, original.command)
        : decision.outcome;
  // Who recorded the acceptance may have ended before it was told. Told twice, it is the same event.
  if (row.state === 'accepted' && row.outcome !== null && original !== undefined)
    await outlet.tell(original.command, row.outcome, row);
  const version = outcome === row.outcome ? row.version : await ledger.fail(row, outcome);
  // Somebody was faster.
  if (version === undefined) return 'later';
  await tell(dependencies, status, original, outcome, { version, attempts: row.attempts });
  if (decision.kind === 'settle') report(logger, status, outcome);
  return 'done';
}

function count(result: 'counted_already' | 'contradicted'): 'done' {
  failedStatuses.inc({ result });
  return 'done';
}

/** The record may be gone, or its place may hold another one by now. */
async function findOriginal(
  { reader }: FailedStatusDependencies,
  { source, fingerprint }: SeenRow,
): Promise<Original | undefined> {
  const record = await reader.fetchRecord(source.topic, source.partition, source.offset);
  if (record === undefined) return undefined;
  const parsed = parseSendMessage(record.value);
  if (!parsed.ok || !fingerprintOf(parsed.command).equals(fingerprint)) return undefined;
  return { record, command: parsed.command };
}

/** Without the command nothing can be sent, nor dead-lettered. */
function withoutOriginal(outcome: Outcome): Outcome {
  if (outcome.state === 'failed') return outcome;
  const { at, wamid, error = { class: 'transient', message: '' } } = outcome;
  const message = `${error.message} (not tried again: the command is no longer in Kafka)`;
  return { state: 'failed', at, ...(wamid !== undefined && { wamid }), error: { ...error, message } };
}

/** One that holds others up comes again when it expires, if not before. */
function untilExpiry(outcome: Outcome, { order, expiresAt }: SendMessage): Outcome {
  const { state, nextAttemptAt } = outcome;
  if (state !== 'retrying' || order !== 'strict' || expiresAt === undefined || nextAttemptAt === undefined)
    return outcome;
  const atMs = Math.min(Date.parse(nextAttemptAt), Math.max(Date.now(), Date.parse(expiresAt)));
  return { ...outcome, nextAttemptAt: new Date(atMs).toISOString() };
}

async function tell(
  { outlet }: FailedStatusDependencies,
  { wabaId, phoneNumberId, commandId: id }: FailedStatus,
  original: Original | undefined,
  outcome: Outcome,
  made: { readonly version: number; readonly attempts: number },
): Promise<void> {
  const told = outlet.tell(original?.command ?? { id, wabaId, phoneNumberId }, outcome, made);
  const written: Promise<void>[] = [told];
  if (original !== undefined && outcome.state === 'retrying')
    written.push(tryAgain(outlet, original, made.attempts, Date.parse(outcome.nextAttemptAt ?? '')));
  if (original !== undefined && outcome.state === 'dead-lettered')
    written.push(outlet.deadLetter(original.record, letterOf(outcome, made.attempts)));
  await Promise.all(written);
}

/** One of strict order comes back at once, so that what is not sent yet to the same recipient waits behind it. */
function tryAgain(
  outlet: Outlet,
  { record, command }: Original,
  attempts: number,
  dueAt: number,
): Promise<void> {
  const isStrict = command.order === 'strict' && record.topic === topics.outbound.name;
  return isStrict ? outlet.comeBack(record, attempts, dueAt) : outlet.retry(record, attempts, dueAt);
}

/** What needs a person is an error; what Meta could not deliver is data. */
function report(logger: Logger, status: FailedStatus, { state, error }: Outcome): void {
  failedStatuses.inc({
    result: state === 'retrying' ? 'retried' : state === 'dead-lettered' ? 'exhausted' : 'final',
  });
  const line = { ...lineOf(status), outcome: state, class: error?.class };
  if (error?.class === 'auth' || error?.class === 'config')
    logger.error(
      line,
      'a message failed after Meta had taken it: mend the token, registration or payment of its number',
    );
  else logger.info(line, 'a message failed after Meta had taken it');
}

function lineOf({ commandId, wabaId, phoneNumberId, attempt, code }: FailedStatus) {
  return { commandId, wabaId, phoneNumberId, attempt, code };
}

/** Ends early when the partition is lost. */
async function sleep(ms: number, lost: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: lost, ref: false }).catch(() => undefined);
}
