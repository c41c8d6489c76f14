import Connection from 'kafkajs/src/network/connection';

const { disconnect } = Connection.prototype;

/**
 * kafkajs 2.2.4 says `unref` to its socket each time a connection is disconnected, also to one that was closed long ago. Node keeps that for when
 * the socket connects, which it never does, and warns of a memory leak at the eleventh time. A closed one holds no process, so there it does nothing now.
 */
Connection.prototype.disconnect = function (this: Connection): Promise<boolean> {
  const { socket } = this;
  if (socket?.destroyed === true) socket.unref = () => socket;
  return disconnect.call(this);
};
