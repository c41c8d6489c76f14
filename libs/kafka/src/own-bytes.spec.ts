import './own-bytes';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import Connection from 'kafkajs/src/network/connection';
import newSocketFactory from 'kafkajs/src/network/socketFactory';
import { decode, parse } from 'kafkajs/src/protocol/requests/apiVersions/v0/response';
import askVersions from 'kafkajs/src/protocol/requests/apiVersions/v0/request';

const silent = {
  namespace: () => ({ debug: () => undefined, error: () => undefined, warn: () => undefined }),
};

/** A broker that accepts connections, and answers as the test wants it. */
let broker: Server;
let sockets: Socket[];
let connection: Connection;

beforeEach(async () => {
  sockets = [];
  broker = createServer({ allowHalfOpen: true }, (socket) =>
    sockets.push(socket.on('error', () => undefined)),
  );
  await once(broker.listen(0, '127.0.0.1'), 'listening');
  connection = new Connection({
    ...{ host: '127.0.0.1', port: (broker.address() as AddressInfo).port, logger: silent },
    ...{ socketFactory: newSocketFactory(), connectionTimeout: 3000, requestTimeout: 5000 },
  });
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  broker.close();
  await connection.disconnect();
});

const ask = () => connection.send({ request: askVersions(), response: { decode, parse } });

/** What has come on a connection, as soon as there is something. */
async function requestOn(place: number): Promise<Buffer> {
  const [bytes] = (await once(sockets[place]!, 'data')) as [Buffer];
  return bytes;
}

/** "No error, and I speak no version of anything", to a request: https://kafka.apache.org/protocol#protocol_messages */
function answerTo(request: Buffer): Buffer {
  const answer = Buffer.alloc(14);
  answer.writeInt32BE(10, 0);
  request.copy(answer, 4, 8, 12);
  return answer;
}

const SIZE_BYTES = 4;
const versions = { errorCode: 0, apiVersions: [] };

async function connectAgain(): Promise<void> {
  const count = sockets.length;
  await connection.connect();
  while (sockets.length === count) await once(broker, 'connection');
}

describe('a connection that connects again', () => {
  it.each([1, 3, 4, 9])(
    'does not take what it had read of an answer (%i bytes) for the beginning of the next',
    async (bytes) => {
      await connectAgain();
      const asked = ask();
      const request = await requestOn(0);
      sockets[0]!.end(answerTo(request).subarray(0, bytes));
      await expect(asked).rejects.toThrow('Closed connection');

      await connectAgain();
      const again = ask();
      sockets[1]!.write(answerTo(await requestOn(1)));
      expect(await again).toEqual(versions);
    },
  );

  it('does not read what the connection of before still brings', async () => {
    await connectAgain();
    const first = connection.socket!;
    await connection.disconnect();
    await connectAgain();
    sockets[0]!.write(Buffer.from([0, 0, 0]));
    await once(first, 'data');

    const asked = ask();
    sockets[1]!.write(answerTo(await requestOn(1)));
    expect(await asked).toEqual(versions);
  });

  it('reads an answer that comes in parts, and two that come as one', async () => {
    await connectAgain();
    const asked = ask();
    const answer = answerTo(await requestOn(0));
    sockets[0]!.write(answer.subarray(0, 5));
    await once(connection.socket!, 'data');
    sockets[0]!.write(answer.subarray(5));
    expect(await asked).toEqual(versions);

    const both = [ask(), ask()];
    let requests = await requestOn(0);
    const size = requests.readInt32BE(0) + SIZE_BYTES;
    while (requests.length < 2 * size) requests = Buffer.concat([requests, await requestOn(0)]);
    sockets[0]!.write(Buffer.concat([answerTo(requests), answerTo(requests.subarray(size))]));
    expect(await Promise.all(both)).toEqual([versions, versions]);
  });
});
