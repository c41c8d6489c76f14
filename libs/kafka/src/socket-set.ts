import { type Socket } from 'node:net';
import { type ISocketFactory } from 'kafkajs';
import newSocketFactory from 'kafkajs/src/network/socketFactory';

/** The connections of one client, to be ended without waiting for anything. */
export type SocketSet = {
  readonly create: ISocketFactory;
  /** What still waits for an answer fails, and nothing connects any more. */
  readonly end: () => void;
};

/**
 * kafkajs's own disconnect waits for answers that may never come, and whatever it still tries connects again after it: a connection that nobody
 * would ever close.
 */
export function createSocketSet(): SocketSet {
  const create = newSocketFactory();
  const open = new Set<Socket>();
  let ended = false;
  return {
    create(address) {
      if (ended) throw new Error('the client has been given up');
      const socket = create(address);
      open.add(socket);
      return socket.once('close', () => open.delete(socket));
    },
    end() {
      ended = true;
      for (const socket of open) {
        socket.destroy();
        // As if the broker had closed it: kafkajs then rejects its requests and ends its timers.
        socket.emit('end');
      }
    },
  };
}
