import Connection from 'kafkajs/src/network/connection';

const { connect } = Connection.prototype;

/**
 * A connection of kafkajs 2.2.4 connects again after it broke, and keeps what it had read of an answer by then; what the socket of before still
 * brings it reads as well. So answers begin in the middle of others: mostly that ends the process (a RangeError that nobody catches), and what
 * lies there might be taken for the answer to another request. Now each socket begins anew, and only the last one is read.
 */
Connection.prototype.connect = function (this: Connection): Promise<boolean> {
  const { socket: before } = this;
  const connected = connect.call(this);
  const { socket } = this;
  if (socket === undefined || socket === before) return connected;
  // One that did not come about in time is only ended by kafkajs, and would close the next one when it comes about after all.
  connected.catch(() => socket.destroy());
  this.chunks = [];
  this.bytesBuffered = 0;
  this.bytesNeeded = SIZE_BYTES;
  socket.removeAllListeners('data').on('data', (bytes: Buffer) => {
    if (this.socket === socket) this.processData(bytes);
  });
  return connected;
};

/** Of the size that each answer begins with. */
const SIZE_BYTES = 4;
