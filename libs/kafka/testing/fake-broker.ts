import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import Connection from 'kafkajs/src/network/connection';
import newSocketFactory from 'kafkajs/src/network/socketFactory';
import { decode, parse } from 'kafkajs/src/protocol/requests/apiVersions/v0/response';
import versionsRequest from 'kafkajs/src/protocol/requests/apiVersions/v0/request';

/** What accepts connections and says nothing by itself, and a connection of kafkajs to it, which does not stand yet. */
export type FakeBroker = {
  readonly connection: Connection;
  /** The broker's ends, in the order in which they came. */
  readonly sockets: readonly Socket[];
  /** Resolves when the connection stands, with a socket more at the broker's end. */
  connect(): Promise<void>;
  /** @param requestTimeoutMs longer than that of the connection, as JoinGroup has it */
  ask(requestTimeoutMs?: number): Promise<unknown>;
  /** The first question on a connection. */
  askVersions(): Promise<unknown>;
  close(): Promise<void>;
};

const silent = {
  namespace: () => ({ debug: () => undefined, error: () => undefined, warn: () => undefined }),
};

/** Kafka's number for it: a request like any other. */
const METADATA = 3;

/** @param options.ssl the connection waits for a TLS handshake, which never comes */
export async function startFakeBroker({
  requestTimeoutMs = 5000,
  connectionTimeoutMs = 3000,
  ssl = false,
} = {}): Promise<FakeBroker> {
  const sockets: Socket[] = [];
  const broker = createServer({ allowHalfOpen: true }, (socket) =>
    sockets.push(socket.on('error', () => undefined)),
  );
  await once(broker.listen(0, '127.0.0.1'), 'listening');
  const connection = new Connection({
    ...{ host: '127.0.0.1', port: (broker.address() as AddressInfo).port, logger: silent },
    ...{ socketFactory: newSocketFactory(), connectionTimeout: connectionTimeoutMs },
    ...{ requestTimeout: requestTimeoutMs, enforceRequestTimeout: true, ...(ssl && { ssl: {} }) },
  });
  return {
    connection,
    sockets,
    async connect() {
      const count = sockets.length;
      await connection.connect();
      while (sockets.length === count) await once(broker, 'connection');
    },
    ask: (timeoutMs) =>
      connection.send({
        ...{ request: { ...versionsRequest(), apiKey: METADATA }, response: { decode, parse } },
        ...(timeoutMs !== undefined && { requestTimeout: timeoutMs }),
      }),
    askVersions: () => connection.send({ request: versionsRequest(), response: { decode, parse } }),
    async close() {
      for (const socket of sockets) socket.destroy();
      broker.close();
      await connection.disconnect();
    },
  };
}
