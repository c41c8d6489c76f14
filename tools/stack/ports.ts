import { randomInt } from 'node:crypto';
import { closeSync, mkdirSync, openSync, statSync, utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/**
 * Below the ports that systems hand to outgoing connections (32768 up on Linux): a client that reconnects to a
 * killed broker could otherwise be given the broker's own port, and the broker could not come back to it.
 */
const FIRST = 15_000;
const LAST = 32_000;
/** Longer than anything takes from its ports to listening on them, or is down between a kill and its next start. */
const CLAIMED_MS = 10 * 60_000;

/**
 * `count` different ports that nothing listens on now, and that no process of this user is given for ten minutes: what asks for ports
 * listens on them only seconds later, and others ask meanwhile.
 */
export async function freePorts(count: number): Promise<number[]> {
  const claims = join(tmpdir(), `talaria-ports-${userInfo().uid}`);
  mkdirSync(claims, { recursive: true });
  const ports: number[] = [];
  for (let attempt = 0; ports.length < count; attempt++) {
    if (attempt > 200 + count)
      throw new Error(
        `No free ports on 127.0.0.1 between ${FIRST} and ${LAST}. Those that were given in the last ten minutes are files in ${claims}.`,
      );
    const port = randomInt(FIRST, LAST);
    if (claim(join(claims, String(port))) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

/** Whether the file is now this call's: it was not there, or was claimed long ago. */
function claim(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx'));
    return true;
  } catch {
    const now = new Date();
    if (now.getTime() - statSync(file).mtimeMs < CLAIMED_MS) return false;
    utimesSync(file, now, now);
    return true;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
