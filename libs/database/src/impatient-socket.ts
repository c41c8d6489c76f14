import { Socket } from 'node:net';

/**
 * A database that answers nothing, not even that it is gone, would be waited for for ever. Not pg's `query_timeout`: it leaves the connection in the
 * pool, where the next statement waits behind the one that was given up. Destroyed, nothing of it is sent later either.
 */
export function impatientSocket(silenceMs: number): Socket {
  const socket = new Socket();
  return socket.setTimeout(silenceMs, () => {
    const error = new Error(`the database was silent for ${silenceMs} ms: the connection is given up`);
    socket.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
  });
}
