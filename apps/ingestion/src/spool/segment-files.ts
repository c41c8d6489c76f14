import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Scan, scan } from './frames';

/** A file of the spool that nothing is appended to any more. */
export type Segment = { readonly name: string; readonly bytes: number };

const SUFFIX = '.seg';
const DAMAGED = 'damaged';

/** A name that sorts behind `last`, and tells when the segment was begun. */
export function nextSegmentName(now: number, last: string | undefined): string {
  const begun = Math.max(now, last === undefined ? 0 : begunAt(last) + 1);
  return `${String(begun).padStart(16, '0')}${SUFFIX}`;
}

/** When the segment was begun, in milliseconds since 1970. */
export function begunAt(name: string): number {
  return Number(name.slice(0, -SUFFIX.length));
}

/** The segments of a spool's folder, oldest first. */
export async function listSegments(directory: string): Promise<Segment[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{16}\.seg$/.test(name)).sort();
  return Promise.all(names.map(async (name) => ({ name, bytes: (await stat(join(directory, name))).size })));
}

export type ReadSegment = {
  /** The payloads of the whole entries, in order. */
  readonly payloads: readonly Buffer[];
  /** How many bytes were no whole entry. */
  readonly damagedBytes: number;
};

/** Reads a segment and changes nothing. */
export async function inspectSegment(directory: string, name: string): Promise<Scan> {
  return scan(await readFile(join(directory, name)));
}

/** Reads a segment; what is damaged in it is first set aside, in files below `damaged`, where a person can look at it. */
export async function readSegment(directory: string, name: string): Promise<ReadSegment> {
  const segment = await readFile(join(directory, name));
  const { payloads, damage } = scan(segment);
  if (damage.length > 0) await mkdir(join(directory, DAMAGED), { recursive: true, mode: 0o700 });
  for (const { start, end } of damage) {
    await writeDurably(join(directory, DAMAGED, `${name}-${start}.bin`), segment.subarray(start, end));
  }
  return { payloads, damagedBytes: damage.reduce((sum, { start, end }) => sum + end - start, 0) };
}

/** The files that damage was set aside in. */
export async function listDamaged(directory: string): Promise<string[]> {
  return readdir(join(directory, DAMAGED)).catch(() => []);
}

export async function removeSegment(directory: string, name: string): Promise<void> {
  await rm(join(directory, name), { force: true });
}

async function writeDurably(file: string, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Without it a new file may be gone after a power loss, though its content was synced. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
