import { KafkaJSRequestTimeoutError } from 'kafkajs';
import Connection from 'kafkajs/src/network/connection';

const { send } = Connection.prototype;

/**
 * kafkajs 2.2.4 gives up a request that is not answered in time, and keeps the connection: where its way back is lost, each further request ends
 * so, and the consumer that asks there stands still for as long as TCP takes to notice, or for ever. Kafka's own clients end such a connection
 * (`handleTimedOutRequests` of NetworkClient), and so do we. A broker answers the requests of a connection one after the other: one that waits
 * behind another, which may take longer (JoinGroup), says nothing.
 */
Connection.prototype.send = async function (this: Connection, call): Promise<unknown> {
  const { socket } = this;
  try {
    return await send.call(this, call);
  } catch (error) {
    if (error instanceof KafkaJSRequestTimeoutError && this.socket === socket) {
      const { correlationId } = error as KafkaJSRequestTimeoutError & { readonly correlationId: number };
      const isBehind = [...this.requestQueue.inflight.keys()].some((other) => other < correlationId);
      if (!isBehind) socket?.destroy(error);
    }
    throw error;
  }
};
