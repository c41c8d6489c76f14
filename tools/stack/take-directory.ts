import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lock, LockedError } from '@talaria/process-lock';

/** Makes `directory` and takes it for the stack of this process; throws when a living one has it. Resolves with what releases it. */
export async function takeDirectory(directory: string): Promise<() => void> {
  makeDirectory(directory);
  try {
    return await lock(join(directory, 'stack.lock'));
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new Error(
      `${directory} is in use by another stack, process ${error.owner.pid}. Stop that one first, or use its servers: ` +
        `stack.json in that folder says where they are.`,
      { cause: error },
    );
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
    const probe = join(directory, `.${randomUUID()}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw new Error(
      `${directory} cannot be written (${(error as Error).message}). ` +
        `If another user's run has made it, run as that user, or remove it (its data are lost).`,
      { cause: error },
    );
  }
}
