import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, ownPlace, readIdentity, type ProcessIdentity } from './process-identity';

export type LockOwner = ProcessIdentity & { readonly host?: string; readonly token?: string };

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
/** An owner out of our sight that has not shown itself for so long, in milliseconds, counts as dead. */
export const STALE_AFTER_MS = 15_000;
/** An owner that lives though it counted as dead has seen by then that its lock is gone, and has stopped writing. */
const SETTLED_AFTER_MS = TOUCH_MS + 1_000;

/**
 * Takes a lock file for this process. The lock of a process that was killed counts for nothing: where its pid can be seen from here, the process is looked
 * for; elsewhere (another machine or container, a volume that moved) what counts is when it last touched the file.
 * @param onLost called when somebody else took the lock, because this process was away for too long: it must stop writing at once
 * @returns releases it; never throws. It comes a few seconds late when the owner before could not be seen
 * @throws {LockedError} when a living process has it
 */
export async function lock(file: string, onLost: () => void = () => undefined): Promise<() => void> {
  const mine = `${file}.${randomUUID()}`;
  const content = JSON.stringify({ ...identify(process.pid), host: hostname(), token: randomUUID() });
  let wasInSight = true;
  try {
    writeFileSync(mine, content);
    while (!link(mine, file)) {
      const owner = readIdentity(file);
      if (owner && holds(owner, file)) throw new LockedError(file, owner);
      wasInSight &&= owner === undefined || isInSight(owner);
      setAside(file, owner);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  if (!wasInSight) {
    await sleep(SETTLED_AFTER_MS);
    if (!isContent(file, content)) return lock(file, onLost);
  }
  const stopTouching = keepTouching(file, content, onLost);
  return () => {
    stopTouching();
    try {
      if (isContent(file, content)) rmSync(file);
    } catch {
      // It cannot be read at the moment; the lock of a process that is gone counts for nothing.
    }
  };
}

/** The living process that has the lock; undefined when it is free. */
export function holderOf(file: string): LockOwner | undefined {
  const owner = readIdentity(file);
  return owner && holds(owner, file) ? owner : undefined;
}

/** Whether its process can be looked for from here. Where not, that it lives is only likely. */
export function isInSight(owner: LockOwner): boolean {
  return owner.place === ownPlace();
}

function holds(owner: LockOwner, file: string): boolean {
  if (isInSight(owner)) return isAlive(owner);
  const touched = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - touched < STALE_AFTER_MS;
}

/** False when there is no such file. @throws when it cannot be read */
function isContent(file: string, content: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8') === content;
}

/** @returns ends it */
function keepTouching(file: string, content: string, onLost: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const touchLater = () => {
    timer = setTimeout(() => {
      void touch(file, content).then((isOurs) => {
        if (isOver) return;
        if (isOurs) touchLater();
        else onLost();
      });
    }, TOUCH_MS).unref();
  };
  touchLater();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** @returns false when the lock is not ours any more. That it cannot be read at the moment (too many open files) tells nothing. */
async function touch(file: string, content: string): Promise<boolean> {
  try {
    if ((await readFile(file, 'utf8')) !== content) return false;
    const now = new Date();
    await utimes(file, now, now);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** Moves a dead owner's lock away, unless another process has replaced it since we read it. */
function setAside(file: string, dead: LockOwner | undefined): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved: LockOwner | undefined = readIdentity(aside);
  if (moved && (moved.pid !== dead?.pid || moved.token !== dead.token)) link(aside, file);
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
