import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory, unlessGone } from '@talaria/spool';
import { type SealedApp } from './open-apps';

/** What the database has told, and when, in ms since 1970. */
export type AppsCopy = { readonly readAt: number; readonly apps: readonly SealedApp[] };

export class DamagedCopyError extends Error {}

const FORMAT = 1;
const NAME = 'apps.json';

/** Replaces the copy as a whole: after a power loss it is the old one or the new one. Secrets are in it as sealed as in the database. */
export async function writeCopy(directory: string, { readAt, apps }: AppsCopy): Promise<void> {
  const file = join(directory, NAME);
  const body = { format: FORMAT, readAt: new Date(readAt).toISOString(), apps };
  // What a write left that ended in the middle.
  await rm(`${file}.new`, { force: true });
  const handle = await open(`${file}.new`, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ ...body, sha256: sha256Of(body) }, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  await syncDirectory(directory);
}

/**
 * @returns undefined when there is none
 * @throws {DamagedCopyError} when it is not what was written. It is kept under another name, which the message tells.
 */
export async function readCopy(directory: string): Promise<AppsCopy | undefined> {
  const file = join(directory, NAME);
  const text = await unlessGone(readFile(file, 'utf8'));
  if (text === undefined) return undefined;
  const copy = parseCopy(text);
  if (copy !== undefined) return copy;
  await rename(file, `${file}.damaged`);
  throw new DamagedCopyError(
    `${file} is damaged, or of another version: it was set aside as ${NAME}.damaged, and may be removed`,
  );
}

function parseCopy(text: string): AppsCopy | undefined {
  try {
    const { sha256, ...body } = JSON.parse(text) as Record<string, unknown>;
    if (body.format !== FORMAT || sha256 !== sha256Of(body)) return undefined;
    // What has this checksum is as we wrote it.
    const { readAt, apps } = body as { readAt: string; apps: SealedApp[] };
    return { readAt: Date.parse(readAt), apps };
  } catch {
    return undefined;
  }
}

const sha256Of = (body: object) => createHash('sha256').update(JSON.stringify(body)).digest('hex');
