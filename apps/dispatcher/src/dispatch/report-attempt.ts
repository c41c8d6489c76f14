import { type Logger } from '@talaria/observability';
import { type Decision } from './decide';
import { attempts, graphApiErrors } from './dispatch.metrics';
import { type Job } from './job';

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
  logger: Logger,
  { command }: Job,
  attemptNumber: number,
  decision: Decision,
): void {
  attempts.inc({ outcome: decision.kind });
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
