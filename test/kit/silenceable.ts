import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that can swallow every byte without a word, as a network does that has lost its route: nobody is told, nothing is refused. */
export type Silenceable = {
  /** The given URL, by this way. */
  readonly url: string;
  /** From now on nothing is passed on, and what was meant for the server then never is. */
  silence(): void;
  /** New connections are passed on again; those that were silenced stay dead. */
  speak(): void;
  close(): void;
};

export async function silenceable(url: string): Promise<Silenceable> {
  const target = new URL(url);
  const open = new Set<Socket>();
  const silenced = new WeakSet<Socket>();
  let isSilent = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      if (isSilent) silenced.add(from);
      from.on('error', () => undefined);
      from.on('data', (bytes) => {
        if (!silenced.has(from)) to.write(bytes);
      });
      from.on('close', () => {
        open.delete(from);
        if (!silenced.has(from)) to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = new URL(target);
  own.hostname = '127.0.0.1';
  own.port = String((server.address() as AddressInfo).port);
  return {
    url: own.href,
    silence() {
      isSilent = true;
      for (const socket of open) silenced.add(socket);
    },
    speak() {
      isSilent = false;
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
