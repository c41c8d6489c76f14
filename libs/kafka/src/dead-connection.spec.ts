import './dead-connection';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import Connection from 'kafkajs/src/network/connection';
import newSocketFactory from 'kafkajs/src/network/socketFactory';
import { decode, parse } from 'kafkajs/src/protocol/requests/apiVersions/v0/response';
import askVersions from 'kafkajs/src/protocol/requests/apiVersions/v0/request';

const silent = {
  namespace: () => ({ debug: () => undefined, error: () => undefined, warn: () => undefined }),
};

/** A broker that accepts connections, reads them, and never answers. */
let broker: Server;
let sockets: Socket[];
let connection: Connection;

beforeEach(async () => {
  sockets = [];
  broker = createServer((socket) => sockets.push(socket.on('error', () => undefined).resume()));
  await once(broker.listen(0, '127.0.0.1'), 'listening');
  connection = new Connection({
    ...{ host: '127.0.0.1', port: (broker.address() as AddressInfo).port, logger: silent },
    ...{ socketFactory: newSocketFactory(), connectionTimeout: 3000, requestTimeout: 300 },
    ...{ enforceRequestTimeout: true },
  });
  await connection.connect();
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  broker.close();
  await connection.disconnect();
});

const ask = (requestTimeout?: number) =>
  connection.send({
    ...{ request: askVersions(), response: { decode, parse } },
    ...(requestTimeout !== undefined && { requestTimeout }),
  });

describe('a connection on which a request is not answered in time', () => {
  it('is ended, and used no more', async () => {
    const { socket } = connection;
    await expect(ask()).rejects.toThrow('timed out');
    expect(socket?.destroyed).toBe(true);
    await new Promise((closed) => socket?.once('close', closed));
    await connection.connect();
    expect(connection.socket).not.toBe(socket);
  });

  it('stays while that request waits behind one that may take longer', async () => {
    const { socket } = connection;
    const joining = ask(900).catch((error: unknown) => error);
    await expect(ask()).rejects.toThrow('timed out');
    expect(socket?.destroyed).toBe(false);

    expect(await joining).toMatchObject({ name: 'KafkaJSRequestTimeoutError' });
    expect(socket?.destroyed).toBe(true);
  });
});
