import { hashOfWamid, wideLog } from '@talaria/observability';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { type Decision } from './decide';
import { accountAttempts, attempts, graphApiErrors } from './dispatch.metrics';
import { type Job } from './job';
import { type AttemptDependencies } from './turn';

/** When the turn was given to the command, and when its call began, where one was made: in ms of the monotonic clock. */
export type AttemptTimes = { readonly turnAt: number; readonly calledAt?: number };

/** One line an attempt, right after its call. What needs a person is told by the breakers. */
export function reportAttempt(
  { logger, accountLabel }: Pick<AttemptDependencies, 'logger' | 'accountLabel'>,
  { command, record, addedAt, trace = ROOT_CONTEXT }: Job,
  attemptNumber: number,
  decision: Decision,
  { turnAt, calledAt }: AttemptTimes,
): void {
  attempts.inc({ outcome: decision.kind });
  accountAttempts.inc({ waba_id: accountLabel(command.wabaId), outcome: decision.kind });
  if ('error' in decision) graphApiErrors.inc({ class: decision.error.class });
  const log = wideLog(logger);
  if (!log.isLevelEnabled('info')) return;
  const line = {
    commandId: command.id,
    wabaId: command.wabaId,
    phoneNumberId: command.phoneNumberId,
    attempt: attemptNumber,
    outcome: decision.kind,
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    waitedMs: Math.round(turnAt - addedAt),
    ...('error' in decision && {
      code: decision.error.code,
      class: decision.error.class,
      fbtraceId: decision.error.fbtraceId,
    }),
    ...('cause' in decision && { cause: decision.cause }),
    ...('delayMs' in decision && { delayMs: decision.delayMs }),
    ...(decision.kind === 'accepted' && { wamidHash: hashOfWamid(decision.wamid) }),
    ...(calledAt !== undefined && { durationMs: Math.round(performance.now() - calledAt) }),
  };
  context.with(trace, () => log.info(line, 'attempt'));
}
