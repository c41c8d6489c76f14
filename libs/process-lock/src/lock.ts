import { randomUUID } from 'node:crypto';
import {
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { hostname } from 'node:os';
import { identify, isAlive, readIdentity, type ProcessIdentity } from './process-identity';

export type LockOwner = ProcessIdentity & { readonly host?: string };

/** A living process has the lock. */
export class LockedError extends Error {
  constructor(
    readonly file: string,
    readonly owner: LockOwner,
  ) {
    super(`${file} is held by process ${owner.pid} on ${owner.host ?? 'this machine'}`);
    this.name = 'LockedError';
  }
}

/** How often the owner shows that it lives, to those who cannot see its process. */
const TOUCH_MS = 2_000;
/** An owner on another machine that has not shown itself for so long, in milliseconds, counts as dead. */
export const STALE_AFTER_MS = 15_000;

/**
 * Takes a lock file for this process. The lock of a process that was killed counts for nothing: on this machine its process is looked
 * for; on another one (a volume that moved) what counts is when it last touched the file.
 * @param onLost called when somebody else took the lock, because this process was away for too long: it must stop writing at once
 * @returns releases it
 * @throws {LockedError} when a living process has it
 */
export function lock(file: string, onLost: () => void = () => undefined): () => void {
  const mine = `${file}.${randomUUID()}`;
  const content = JSON.stringify({ ...identify(process.pid), host: hostname(), token: randomUUID() });
  try {
    writeFileSync(mine, content);
    while (!link(mine, file)) {
      const owner = readIdentity(file) as LockOwner | undefined;
      if (owner && holds(owner, file)) throw new LockedError(file, owner);
      setAside(file, owner);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  const touching = setInterval(() => {
    if (touch(file, content)) return;
    clearInterval(touching);
    onLost();
  }, TOUCH_MS).unref();
  return () => {
    clearInterval(touching);
    if (existsSync(file) && isOurs(file, content)) rmSync(file, { force: true });
  };
}

function holds(owner: LockOwner, file: string): boolean {
  if (owner.host === undefined || owner.host === hostname()) return isAlive(owner);
  const touched = stat(file)?.mtimeMs ?? 0;
  return Date.now() - touched < STALE_AFTER_MS;
}

function stat(file: string): Stats | undefined {
  return statSync(file, { throwIfNoEntry: false });
}

/** @returns false when the lock is not ours any more. That it cannot be read at the moment (too many open files) tells nothing. */
function touch(file: string, content: string): boolean {
  try {
    if (!isOurs(file, content)) return false;
    const now = new Date();
    utimesSync(file, now, now);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function isOurs(file: string, content: string): boolean {
  return readFileSync(file, 'utf8') === content;
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
