import './dead-connection';
import Broker from 'kafkajs/src/broker';
import { type FakeBroker, startFakeBroker } from '../../testing/fake-broker';

let broker: FakeBroker;

beforeEach(async () => {
  broker = await startFakeBroker({ requestTimeoutMs: 300 });
  await broker.connect();
});

afterEach(() => broker.close());

describe('a connection on which a request is not answered in time', () => {
  it('is ended, and used no more', async () => {
    const { connection } = broker;
    const { socket } = connection;
    await expect(broker.ask()).rejects.toThrow('timed out');
    expect(socket?.destroyed).toBe(true);
    await new Promise((closed) => socket?.once('close', closed));
    await connection.connect();
    expect(connection.socket).not.toBe(socket);
  });

  it('counts as one that did not come about, if not even the first is', async () => {
    await expect(broker.askVersions()).rejects.toMatchObject({
      ...{ name: 'KafkaJSConnectionError', message: expect.stringContaining('timed out') },
    });
    expect(broker.connection.socket?.destroyed).toBe(true);
  });

  it('stays while that request waits behind one that may take longer', async () => {
    const { socket } = broker.connection;
    const joining = broker.ask(900).catch((error: unknown) => error);
    await expect(broker.ask()).rejects.toThrow('timed out');
    expect(socket?.destroyed).toBe(false);

    expect(await joining).toMatchObject({ name: 'KafkaJSRequestTimeoutError' });
    expect(socket?.destroyed).toBe(true);
  });
});

it('who waits too long while another connects to the same broker may try again', async () => {
  const frozen = {
    connectionTimeout: 10,
    isConnected: () => false,
    getConnection: () => new Promise(() => undefined),
  };
  const broker = new Broker({
    connectionPool: frozen,
    logger: { namespace: () => undefined },
    authenticationTimeout: 0,
  });
  void broker.connect();
  await expect(broker.connect()).rejects.toMatchObject({ name: 'KafkaJSConnectionError', retriable: true });
});
