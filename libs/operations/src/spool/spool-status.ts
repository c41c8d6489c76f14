import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { holderOf } from '@talaria/process-lock';
import { begunAt, listDamaged, listSegments, readSegment, unlessGone } from '@talaria/spool';
import { NotFoundError } from '../errors';

export type SpoolStatus = {
  readonly directory: string;
  /** The living process that holds it, on this machine or another. */
  readonly heldBy?: { readonly pid: number; readonly host?: string };
  readonly segments: number;
  readonly bytes: number;
  /** When the oldest segment was begun, ISO 8601. */
  readonly oldestAt?: string;
  /** Damaged segments that were set aside earlier. */
  readonly damagedFiles: number;
  /** What Kafka refused even as dead letters. */
  readonly refusedBytes: number;
  /** Whole entries; only when all was read. */
  readonly items?: number;
  /** Bytes that are no whole entry; only when all was read. */
  readonly damagedBytes?: number;
};

/** Changes nothing, and may be asked while ingestion runs. @throws when there is no such folder */
export async function spoolStatus(directory: string): Promise<SpoolStatus> {
  if (!existsSync(directory))
    throw new NotFoundError(`there is no folder ${directory}: name the spool's by --dir or SPOOL_DIR`);
  const segments = await listSegments(directory);
  const refused = join(directory, 'refused');
  const refusedSegments = existsSync(refused) ? await listSegments(refused) : [];
  const owner = holderOf(join(directory, 'spool.lock'));
  const [oldest] = segments;
  return {
    directory,
    ...(owner && { heldBy: { pid: owner.pid, ...(owner.host !== undefined && { host: owner.host }) } }),
    segments: segments.length,
    bytes: sum(segments),
    ...(oldest && { oldestAt: new Date(begunAt(oldest.name)).toISOString() }),
    damagedFiles: (await listDamaged(directory)).length,
    refusedBytes: sum(refusedSegments),
  };
}

/** Reads everything and changes nothing. The end of what a living process appends to at the moment is not judged. */
export async function verifySpool(directory: string, say: (line: string) => void): Promise<SpoolStatus> {
  const status = await spoolStatus(directory);
  const segments = await listSegments(directory);
  let items = 0;
  let damagedBytes = 0;
  for (const [index, { name, bytes }] of segments.entries()) {
    const read = await unlessGone(readSegment(directory, name));
    // Drained meanwhile.
    if (read === undefined) continue;
    const { payloads, damage } = read;
    items += payloads.length;
    const isWrittenTo = status.heldBy !== undefined && index === segments.length - 1;
    for (const { start, end } of damage) {
      if (isWrittenTo && end >= bytes) continue;
      damagedBytes += end - start;
      say(`${name}: bytes ${start} to ${end} are no whole entry`);
    }
  }
  return { ...status, items, damagedBytes };
}

function sum(segments: readonly { readonly bytes: number }[]): number {
  return segments.reduce((total, { bytes }) => total + bytes, 0);
}
