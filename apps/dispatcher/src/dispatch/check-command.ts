import { type SendMessage } from '@talaria/contracts';
import { checkMessage } from '@talaria/whatsapp';
import { type BusinessNumber } from '../open-tokens';
import { type Registry } from '../registry';
import { type Decision } from './decide';

export type Checked =
  | { readonly ok: true; readonly number: BusinessNumber }
  | { readonly ok: false; readonly decision: Decision };

/** A list of a hundred thousand empty contacts has two for each. */
const MAX_PROBLEMS = 10;

/** Whether a command may go now: it may be cancelled, too. */
export function mayGo(
  registry: Pick<Registry, 'isCancelled'>,
  command: SendMessage,
  number: BusinessNumber | undefined,
): Checked {
  if (registry.isCancelled(command)) return { ok: false, decision: { kind: 'cancelled' } };
  return checkCommand(command, number, Date.now());
}

/**
 * Whether a command may cost a call, or is given up before it.
 * @param number the sender, if the registry knows it
 * @param now milliseconds since 1970
 */
export function checkCommand(command: SendMessage, number: BusinessNumber | undefined, now: number): Checked {
  if (command.expiresAt !== undefined && Date.parse(command.expiresAt) <= now) {
    return givenUp('expired', 'expiresAt has passed');
  }
  const problems = checkMessage(command.message);
  if (problems.length > 0) return givenUp('invalid', problems.slice(0, MAX_PROBLEMS).join('; '));
  if (number === undefined) return givenUp('invalid', 'phoneNumberId is not in the registry');
  if (number.wabaId !== command.wabaId) return givenUp('invalid', 'phoneNumberId belongs to another WABA');
  return { ok: true, number };
}

function givenUp(cause: 'expired' | 'invalid', message: string): Checked {
  return { ok: false, decision: { kind: 'dead-letter', cause, error: { class: cause, message } } };
}
