import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify, isAlive, readIdentity, type ProcessIdentity } from './process-identity';

/**
 * Makes `directory` and takes it for this process; throws when a living process has it. Gives back what releases it.
 * The lock of a process that was killed counts for nothing.
 */
export function lock(directory: string): () => void {
  makeDirectory(directory);
  const file = join(directory, 'stack.lock');
  const mine = `${file}.${randomUUID()}`;
  writeFileSync(mine, JSON.stringify(identify(process.pid)));
  try {
    while (!link(mine, file)) {
      const owner = readIdentity(file);
      if (owner && isAlive(owner)) throw inUse(directory, owner);
      setAside(file, owner);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => rmSync(file, { force: true });
}

/** Moves a dead owner's lock away, unless another process has replaced it since we read it. */
function setAside(file: string, dead: ProcessIdentity | undefined): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readIdentity(aside);
  if (moved && (moved.pid !== dead?.pid || moved.startedAt !== dead.startedAt)) link(aside, file);
  rmSync(aside, { force: true });
}

/** False when `to` exists. Unlike writing the file, this cannot be seen half done. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
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

function inUse(directory: string, owner: ProcessIdentity): Error {
  return new Error(
    `${directory} is in use by another stack, process ${owner.pid}. Stop that one first, or use its servers: ` +
      `stack.json in that folder says where they are.`,
  );
}
