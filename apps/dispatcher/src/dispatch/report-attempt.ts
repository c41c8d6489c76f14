import { type Logger } from '@talaria/observability';
import { type Decision } from './decide';
import { accountAttempts, attempts, graphApiErrors } from './dispatch.metrics';
import { type Job } from './job';
import { type AttemptDependencies } from './turn';

/**
 * Loggers that do not look for what must not be logged, by those that do. A line of ours has ids and codes alone, and looking through it
 * takes ten times as long as writing it.
 */
const plain = new WeakMap<Logger, Logger>();

function plainOf(logger: Logger): Logger {
  let found = plain.get(logger);
  if (found === undefined) plain.set(logger, (found = logger.child({}, { redact: [] })));
  return found;
}

/** One line an attempt. What needs a person is told by the breakers. */
export function reportAttempt(
  { logger, accountLabel }: Pick<AttemptDependencies, 'logger' | 'accountLabel'>,
  { command }: Job,
  attemptNumber: number,
  decision: Decision,
): void {
  attempts.inc({ outcome: decision.kind });
  accountAttempts.inc({ waba_id: accountLabel(command.wabaId), outcome: decision.kind });
  if ('error' in decision) graphApiErrors.inc({ class: decision.error.class });
  const line = {
    commandId: command.id,
    wabaId: command.wabaId,
    phoneNumberId: command.phoneNumberId,
    attempt: attemptNumber,
    outcome: decision.kind,
    ...('error' in decision && { code: decision.error.code, class: decision.error.class }),
  };
  plainOf(logger).info(line, 'attempt');
}
