import './closed-socket';
import { once } from 'node:events';
import { type FakeBroker, startFakeBroker } from '../../testing/fake-broker';

let broker: FakeBroker;

beforeEach(async () => {
  broker = await startFakeBroker();
});

afterEach(() => broker.close());

it('leaves nothing on a socket that is closed, however often its connection is disconnected, and connects again', async () => {
  await broker.connect();
  const socket = broker.connection.socket!;
  socket.destroy();
  await once(socket, 'close');
  for (let times = 0; times < 11; times += 1) await broker.connection.disconnect();
  expect(socket.listenerCount('connect')).toBeLessThan(2);

  await broker.connect();
  expect(broker.connection.socket?.destroyed).toBe(false);
});
