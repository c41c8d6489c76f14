import './own-bytes';
import { once } from 'node:events';
import { type FakeBroker, startFakeBroker } from '../../testing/fake-broker';

let broker: FakeBroker;

beforeEach(async () => {
  broker = await startFakeBroker();
});

afterEach(() => broker.close());

/** What has come on a connection, as soon as there is something. */
async function requestOn(place: number): Promise<Buffer> {
  const [bytes] = (await once(broker.sockets[place]!, 'data')) as [Buffer];
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

describe('a connection that connects again', () => {
  it.each([1, 3, 4, 9])(
    'does not take what it had read of an answer (%i bytes) for the beginning of the next',
    async (bytes) => {
      await broker.connect();
      const asked = broker.ask();
      const request = await requestOn(0);
      broker.sockets[0]!.end(answerTo(request).subarray(0, bytes));
      await expect(asked).rejects.toThrow('Closed connection');

      await broker.connect();
      const again = broker.ask();
      broker.sockets[1]!.write(answerTo(await requestOn(1)));
      expect(await again).toEqual(versions);
    },
  );

  it('does not read what the connection of before still brings', async () => {
    await broker.connect();
    const first = broker.connection.socket!;
    await broker.connection.disconnect();
    await broker.connect();
    broker.sockets[0]!.write(Buffer.from([0, 0, 0]));
    await once(first, 'data');

    const asked = broker.ask();
    broker.sockets[1]!.write(answerTo(await requestOn(1)));
    expect(await asked).toEqual(versions);
  });

  it('has left what did not come about in time', async () => {
    await broker.close();
    broker = await startFakeBroker({ ssl: true, connectionTimeoutMs: 200 });
    await expect(broker.connection.connect()).rejects.toThrow('Connection timeout');
    expect(broker.connection.socket?.destroyed).toBe(true);
  });

  it('reads an answer that comes in parts, and two that come as one', async () => {
    await broker.connect();
    const asked = broker.ask();
    const answer = answerTo(await requestOn(0));
    broker.sockets[0]!.write(answer.subarray(0, 5));
    await once(broker.connection.socket!, 'data');
    broker.sockets[0]!.write(answer.subarray(5));
    expect(await asked).toEqual(versions);

    const both = [broker.ask(), broker.ask()];
    let requests = await requestOn(0);
    const size = requests.readInt32BE(0) + SIZE_BYTES;
    while (requests.length < 2 * size) requests = Buffer.concat([requests, await requestOn(0)]);
    broker.sockets[0]!.write(Buffer.concat([answerTo(requests), answerTo(requests.subarray(size))]));
    expect(await Promise.all(both)).toEqual([versions, versions]);
  });
});
