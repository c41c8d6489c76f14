import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that systems hand to outgoing connections (32768 up on Linux): a client that reconnects to a
 * killed broker could otherwise be given the broker's own port, and the broker could not come back to it.
 */
const FIRST = 15_000;
const LAST = 32_000;

/** `count` different ports that nothing listens on now. They are not reserved: bind them soon. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt++) {
    if (attempt > 200 + count) throw new Error(`No free ports on 127.0.0.1 between ${FIRST} and ${LAST}.`);
    const port = randomInt(FIRST, LAST);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
