import { type DispatchEvent, type DispatchEventType, type SendMessage } from '@talaria/contracts';
import { type Outcome } from '../ledger/ledger';

/** What is told of a command: all of it, or its ids alone when it cannot be read any more. */
export type ToldCommand = Pick<SendMessage, 'id' | 'wabaId' | 'phoneNumberId'> & Partial<SendMessage>;

/** The event that tells an outcome. Its id is made of command and version: told twice, it is the same event. */
export function dispatchEvent(
  command: ToldCommand,
  outcome: Outcome,
  { version, attempts }: { readonly version: number; readonly attempts: number },
): DispatchEvent {
  const { id, wabaId, phoneNumberId, to, recipient, campaignId, correlationId, metadata, message } = command;
  const { state, at, startedAt, traceId, wamid, waId, cause, nextAttemptAt, error } = outcome;
  return {
    id: `${wabaId}/${id}/${version}`,
    type: `whatsapp.dispatch.${state}.v1` satisfies DispatchEventType,
    source: 'talaria/dispatcher',
    time: at,
    subject: id,
    data: {
      wabaId,
      phoneNumberId,
      commandId: id,
      version,
      attempt: attempts,
      ...(to !== undefined && { to }),
      ...(recipient !== undefined && { recipient }),
      ...(campaignId !== undefined && { campaignId }),
      ...(correlationId !== undefined && { correlationId }),
      ...(metadata !== undefined && { metadata }),
      ...(state === 'accepted' && message !== undefined && { message }),
      ...(startedAt !== undefined && { startedAt }),
      ...(traceId !== undefined && { traceId }),
      ...(wamid !== undefined && { wamid }),
      ...(waId !== undefined && { waId }),
      ...(cause !== undefined && { cause }),
      ...(nextAttemptAt !== undefined && { nextAttemptAt }),
      ...(error !== undefined && { error }),
    },
  };
}
