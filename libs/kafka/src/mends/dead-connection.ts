import { KafkaJSConnectionError, KafkaJSRequestTimeoutError } from 'kafkajs';
import Broker from 'kafkajs/src/broker';
import Connection from 'kafkajs/src/network/connection';

const { send } = Connection.prototype;
const { connect } = Broker.prototype;
/** What a connection begins with: SaslHandshake, ApiVersions, SaslAuthenticate. */
const BEGINNINGS = new Set([17, 18, 36]);

/**
 * kafkajs 2.2.4 gives up a request that is not answered in time, and keeps the connection: where its way back is lost, each further request ends
 * so, and the consumer that asks there stands still for as long as TCP takes to notice, or for ever. Kafka's own clients end such a connection
 * (`handleTimedOutRequests` of NetworkClient), and so do we. A broker answers the requests of a connection one after the other: one that waits
 * behind another, which may take longer (JoinGroup), says nothing.
 *
 * A broker that is frozen still takes connections. kafkajs tries the next one only where connecting fails: so a connection on which even the first
 * requests are not answered is one that failed, and nobody waits for one broker while the others are well.
 */
Connection.prototype.send = async function (this: Connection, call): Promise<unknown> {
  const { socket } = this;
  try {
    return await send.call(this, call);
  } catch (error) {
    if (error instanceof KafkaJSRequestTimeoutError && this.socket === socket) {
      const { correlationId } = error as KafkaJSRequestTimeoutError & { readonly correlationId: number };
      const isBehind = [...this.requestQueue.inflight.keys()].some((other) => other < correlationId);
      if (!isBehind) {
        socket?.destroy(error);
        if (BEGINNINGS.has(call.request.apiKey)) throw new KafkaJSConnectionError(error.message);
      }
    }
    throw error;
  }
};

/** One connects at a time. Whoever has waited for that too long may try again: kafkajs ends a consumer for good then. */
Broker.prototype.connect = async function (this: Broker): Promise<void> {
  try {
    await connect.call(this);
  } catch (error) {
    const { name, message } = error as Error;
    throw name === 'KafkaJSLockTimeout' ? new KafkaJSConnectionError(message) : error;
  }
};
