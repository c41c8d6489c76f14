import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@talaria/observability';
import { Spool } from '@talaria/spool';

/** Folders of the test's own; `close` closes what was opened and removes them. */
export function testSpools() {
  const root = mkdtempSync(join(tmpdir(), 'spool-'));
  const opened: Spool[] = [];
  return {
    root,
    opened,
    async open(name = 'spool', maxBytes = 1024 ** 3): Promise<Spool> {
      const directory = join(root, name);
      const onLost = (error: Error) => {
        throw error;
      };
      const spool = await Spool.open({ directory, maxBytes, logger: createLogger('test', 'silent'), onLost });
      opened.push(spool);
      return spool;
    },
    async close(): Promise<void> {
      for (const spool of opened) await spool.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** All that is in a spool, oldest first; it stays there. */
export async function readSpool(spool: Spool): Promise<{ payloads: Buffer[]; damagedBytes: number }> {
  await spool.seal();
  const payloads: Buffer[] = [];
  let damagedBytes = 0;
  for (const segment of spool.segments) {
    const read = await spool.read(segment);
    payloads.push(...read.payloads);
    damagedBytes += read.damagedBytes;
  }
  return { payloads, damagedBytes };
}
