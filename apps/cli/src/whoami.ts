import { userInfo } from 'node:os';
import { UsageError } from './fault-of';

/** In a container the user may have no name. */
export function whoami(): string {
  try {
    return userInfo().username;
  } catch {
    throw new UsageError('the operating system does not know your name: give it with --by');
  }
}
