import { type Logger } from '@talaria/observability';
import { type Decision } from './decide';
import { attempts, graphApiErrors } from './dispatch.metrics';
import { type Job } from './job';

/** One line an attempt. What Meta refuses is data; what needs a person is an error. */
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
  if (decision.kind === 'wait' && decision.pause === 'parked') {
    logger.error(line, 'a number is parked: mend its token, registration or payment; its messages wait');
  } else {
    logger.info(line, 'attempt');
  }
}
