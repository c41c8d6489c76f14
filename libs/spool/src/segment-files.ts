import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Scan, scan } from './frames';

/** A file of the spool that nothing is appended to any more. */
export type Segment = { readonly name: string; readonly bytes: number };

const SUFFIX = '.seg';
const DAMAGED = '.damaged';

/** A name that sorts behind `last`, and tells when the segment was begun. */
export function nextSegmentName(now: number, last: string | undefined): string {
  const begun = Math.max(now, last === undefined ? 0 : begunAt(last) + 1);
  return `${String(begun).padStart(16, '0')}${SUFFIX}`;
}

/** When the segment was begun, in milliseconds since 1970. */
export function begunAt(name: string): number {
  return Number(name.slice(0, -SUFFIX.length));
}

/** The segments of a spool's folder, oldest first. One that is removed at this moment is not among them. */
export async function listSegments(directory: string): Promise<Segment[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{16}\.seg$/.test(name)).sort();
  const found = await Promise.all(names.map((name) => unlessGone(stat(join(directory, name)))));
  return names.flatMap((name, index) => {
    const size = found[index]?.size;
    return size === undefined ? [] : [{ name, bytes: size }];
  });
}

/** Undefined when the file is not there (any more). */
export async function unlessGone<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export type ReadSegment = Scan & {
  /** How many bytes were no whole entry. */
  readonly damagedBytes: number;
};

/** Reads a segment and changes nothing. */
export async function readSegment(directory: string, name: string): Promise<ReadSegment> {
  const found = scan(await readFile(join(directory, name)));
  return { ...found, damagedBytes: found.damage.reduce((sum, { start, end }) => sum + end - start, 0) };
}

/** Keeps a damaged segment whole, beside the others, for a person to look at. Renaming needs no room: the disk may be full. */
export async function setAsideSegment(directory: string, name: string): Promise<void> {
  await rename(join(directory, name), join(directory, `${name}${DAMAGED}`));
  await syncDirectory(directory);
}

/** The segments that were set aside. */
export async function listDamaged(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(`${SUFFIX}${DAMAGED}`));
}

export async function removeSegment(directory: string, name: string): Promise<void> {
  await rm(join(directory, name), { force: true });
}

/** Makes a folder, and those above it, so that a power loss does not undo it. */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = resolve(directory); made.length >= resolve(first).length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

/** Without it a new file or name may be gone after a power loss, though its content was synced. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
