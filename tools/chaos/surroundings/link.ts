import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type LinkFault =
  /** Every chunk is late, in both directions; order is kept. */
  | { readonly kind: 'latency'; readonly ms: number; readonly jitterMs: number }
  /** A bandwidth for each connection and direction. Senders feel it once the system's own buffers are full. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Connections are ended, and new ones refused. */
  | { readonly kind: 'cut' }
  /** Every connection there is is reset, once; nothing lasts. */
  | { readonly kind: 'reset' }
  /**
   * What goes in this direction vanishes without a word, ends included, as on a lost route: what a connection has sent or sends in it never
   * arrives, after healing either. A new one is taken, and reaches nobody where the way to the server is lost.
   */
  | { readonly kind: 'half-open'; readonly direction: Direction | 'both' };

export type Direction = 'to-server' | 'to-client';

/** A way to a server, on 127.0.0.1, that can be hurt. It never changes a byte or an order. */
export type Link = {
  readonly name: string;
  /** host:port; the same until it is closed. */
  readonly address: string;
  /** The fault lasts until it is healed, or another takes its place. */
  hurt(fault: LinkFault): void;
  /** What waited is delivered, in order; connections are taken again a moment later. */
  heal(): void;
  /** How many connections go through it, those included of which one end is gone and the other was not told. */
  connections(): number;
  /** Ends every connection; resolves when the port is free. */
  close(): Promise<void>;
};

export type LinkOptions = {
  /** For people. */
  readonly name: string;
  /** On 127.0.0.1; 0 for any. */
  readonly port: number;
  readonly to: { readonly host: string; readonly port: number };
};

type Connection = { readonly ends: readonly Socket[]; readonly ways: Readonly<Record<Direction, Way>> };
type Way = { lose(): void; faultChanged(): void };

/** What one direction of a connection holds back; more is left to its sender. */
const MOST_WAITING_BYTES = 1024 * 1024;
/** How much of its bandwidth a slow link passes on at a time. */
const SLICE_S = 0.05;
const AGAIN_MS = 100;
const directions = ['to-server', 'to-client'] as const;

/** Opens a link. A server that refuses a connection is seen by its client as one that resets it at once. */
export async function openLink({ name, port, to }: LinkOptions): Promise<Link> {
  const connections = new Set<Connection>();
  let fault: LinkFault | undefined;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, take);

  function take(client: Socket): void {
    // It was taken before the cut, and is told after it.
    if (fault?.kind === 'cut') return void client.resetAndDestroy();
    const upstream = connect({ ...to, allowHalfOpen: true, noDelay: true });
    const ends = [client, upstream];
    const ways = {
      'to-server': carry(client, upstream, () => fault),
      'to-client': carry(upstream, client, () => fault),
    };
    const connection = { ends, ways };
    connections.add(connection);
    for (const end of ends)
      end.on('close', () => {
        if (ends.every(({ closed }) => closed)) connections.delete(connection);
      });
    // No call for a connection arrives either.
    if (isLost('to-server')) upstream.destroy();
    loseWays(connection);
  }

  const isLost = (direction: Direction) =>
    fault?.kind === 'half-open' && [direction, 'both'].includes(fault.direction);

  function loseWays({ ways }: Connection): void {
    for (const direction of directions) if (isLost(direction)) ways[direction].lose();
  }

  function endAll(end: (socket: Socket) => void): void {
    for (const { ends } of connections) ends.forEach(end);
  }

  function setFault(next: LinkFault | undefined): void {
    fault = next;
    void (settled = settled.then(settle));
    for (const connection of connections) {
      loseWays(connection);
      for (const direction of directions) connection.ways[direction].faultChanged();
    }
  }

  let settled = listen(server, port);
  await settled;
  const own = (server.address() as AddressInfo).port;
  /** Listens, or does not, as the fault of the moment wants it. */
  async function settle(): Promise<void> {
    if (fault?.kind !== 'cut') await (server.listening ? undefined : listenAgain(server, own));
    else if (server.listening) server.close();
  }

  return {
    name,
    address: `127.0.0.1:${own}`,
    hurt(next) {
      if (next.kind === 'cut') endAll((socket) => socket.destroy());
      if (next.kind === 'reset') endAll(reset);
      setFault(next.kind === 'reset' ? undefined : next);
    },
    heal: () => setFault(undefined),
    connections: () => connections.size,
    async close() {
      await settled;
      if (server.listening) server.close();
      endAll((socket) => socket.destroy());
    },
  };
}

/** One that does not stand yet would wait, with one more listener each time, until it does. */
function reset(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** One direction of a connection: its bytes, its end and its reset. */
function carry(from: Socket, to: Socket, fault: () => LinkFault | undefined): Way {
  const waiting: { bytes: Buffer; readonly due: number }[] = [];
  let waitingBytes = 0;
  /** When what was last passed on has gone over a slow link. */
  let freeAt = 0;
  let isLost = false;
  let hasEnded = false;
  let timer: NodeJS.Timeout | undefined;

  from.on('data', (bytes) => {
    if (isLost || to.destroyed) return;
    const now = fault();
    const lateMs = now?.kind === 'latency' ? now.ms + Math.random() * now.jitterMs : 0;
    waiting.push({ bytes, due: Date.now() + lateMs });
    waitingBytes += bytes.length;
    if (waitingBytes > MOST_WAITING_BYTES) from.pause();
    passOn();
  });
  from.on('end', () => {
    hasEnded = true;
    passOn();
  });
  from.on('error', () => undefined);
  from.on('close', (isBroken) => {
    if (isBroken && !isLost) reset(to);
  });
  to.on('drain', passOn);
  to.on('close', drop);

  function passOn(): void {
    clearTimeout(timer);
    for (let first = waiting[0]; first !== undefined && !to.writableNeedDrain; first = waiting[0]) {
      const waitMs = waitOf(first.due);
      if (waitMs > 0) {
        timer = setTimeout(passOn, waitMs);
        return;
      }
      const bytes = first.bytes.subarray(0, sliceOf(fault()));
      first.bytes = first.bytes.subarray(bytes.length);
      if (first.bytes.length === 0) waiting.shift();
      waitingBytes -= bytes.length;
      to.write(bytes);
      if (waitingBytes <= MOST_WAITING_BYTES) from.resume();
    }
    if (hasEnded && !isLost && waiting.length === 0) to.end();
  }

  function waitOf(due: number): number {
    const now = fault();
    if (now?.kind === 'latency') return due - Date.now();
    return now?.kind === 'slow' ? freeAt - Date.now() : 0;
  }

  function sliceOf(now: LinkFault | undefined): number {
    if (now?.kind !== 'slow') return Infinity;
    const bytes = Math.max(1, Math.floor(now.bytesPerSecond * SLICE_S));
    freeAt = Date.now() + (bytes / now.bytesPerSecond) * 1000;
    return bytes;
  }

  function drop(): void {
    clearTimeout(timer);
    waiting.length = 0;
    waitingBytes = 0;
    from.resume();
  }

  return {
    lose() {
      isLost = true;
      drop();
    },
    faultChanged: passOn,
  };
}

/** While it was cut somebody else may have taken its port, for a while. */
async function listenAgain(server: Server, port: number): Promise<void> {
  for (;;) {
    try {
      await listen(server, port);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      await sleep(AGAIN_MS);
    }
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

/** Where a URL with a port leads to. */
export function placeOf(url: string): LinkOptions['to'] {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** The same URL, by this link. */
export function urlBy(link: Pick<Link, 'address'>, url: string): string {
  const own = new URL(url);
  own.host = link.address;
  return own.href;
}
