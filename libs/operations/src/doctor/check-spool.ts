import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Check, type Found } from './finding';

export type SpoolSettings = { readonly directory: string; readonly maxBytes: number };

const SLOW_SYNC_MS = 500;
const LITTLE_BYTES = 64 * 1024 ** 2;

/** By the number that the file system says it is; see statfs(2). */
const forgetful: Readonly<Record<number, string>> = {
  0x01_02_19_94: 'memory (tmpfs)',
  0x85_84_58_f6: 'memory (ramfs)',
  0x79_4c_76_30: "the container's own file system (overlayfs)",
};

/** Whether the spool's folder has room, takes a file, and writes it to a disk when it is told to. */
export function spoolCheck({ directory, maxBytes }: SpoolSettings): Check {
  return {
    name: 'disk',
    async run(): Promise<Found[]> {
      const subject = directory;
      const fault = await faultOf(directory);
      if (fault === 'ENOENT')
        return [
          {
            ...{
              subject,
              result: 'warning',
              found: 'there is no such folder; ingestion makes it when it starts',
            },
            remedy:
              'correct SPOOL_DIR if it should be there: one folder for each process, on a disk that outlives it',
          },
        ];
      if (fault !== undefined) return [failed(subject, `it cannot be looked at (${fault})`)];
      return [await checkKind(subject), await checkRoom(subject, maxBytes), await checkSync(subject)];
    },
  };
}

/** Why it is no folder that can be looked at; undefined when it is one. */
async function faultOf(directory: string): Promise<string | undefined> {
  try {
    return (await stat(directory)).isDirectory() ? undefined : 'ENOTDIR';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

const failed = (subject: string, found: string): Found => ({
  ...{ subject, result: 'failed', found },
  remedy: 'let the user of ingestion own the folder, and look at the disk',
});

async function checkKind(subject: string): Promise<Found> {
  const kind = forgetful[(await statfs(subject)).type];
  if (kind === undefined) return { subject, result: 'ok', found: 'it is on a disk' };
  return {
    ...{
      subject,
      result: 'warning',
      found: `it is on ${kind}, which does not outlive the machine or container`,
    },
    remedy: 'mount a persistent volume there: what is acknowledged while Kafka is away lies in it',
  };
}

async function checkRoom(subject: string, maxBytes: number): Promise<Found> {
  const { bavail, bsize } = await statfs(subject);
  const free = bavail * bsize;
  const found = `${mib(free)} are free, SPOOL_MAX_SIZE is ${mib(maxBytes)}`;
  if (free >= maxBytes) return { subject, result: 'ok', found };
  return {
    ...{ subject, result: free < LITTLE_BYTES ? 'failed' : 'warning', found },
    remedy: 'make room, or lower SPOOL_MAX_SIZE: a full disk answers webhooks with 503',
  };
}

async function checkSync(subject: string): Promise<Found> {
  const name = join(subject, `doctor-${process.pid}`);
  const began = performance.now();
  try {
    const file = await open(name, 'wx', 0o600);
    try {
      await file.write('doctor');
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    return failed(
      subject,
      `a file cannot be written there (${(error as NodeJS.ErrnoException).code ?? '?'})`,
    );
  } finally {
    await rm(name, { force: true });
  }
  const tookMs = Math.round(performance.now() - began);
  const found = `a file is on it after ${tookMs} ms`;
  if (tookMs <= SLOW_SYNC_MS) return { subject, result: 'ok', found };
  return {
    ...{ subject, result: 'warning', found },
    remedy: 'use a faster disk: a webhook waits for it while Kafka is away, and Meta for the webhook',
  };
}

const mib = (bytes: number) => `${Math.floor(bytes / 1024 ** 2)} MiB`;
