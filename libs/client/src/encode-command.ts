import { parseSendMessage, type SendMessage } from '@talaria/contracts';
import { InvalidCommandError } from './errors';

/**
 * The value of the command's record, which the dispatcher will take for a command: it is read as the dispatcher does.
 * @throws {InvalidCommandError}
 */
export function encodeCommand(command: SendMessage): Buffer {
  const value = Buffer.from(JSON.stringify(command));
  const parsed = parseSendMessage(value);
  if (!parsed.ok) throw new InvalidCommandError(command.id, parsed.problems);
  return value;
}
