import { type Logger } from '@talaria/observability';
import { type ProducerRecord, type RecordMetadata } from 'kafkajs';
import { createKafka } from './create-kafka';
import { type KafkaConfig } from './settings';

/** A kafkajs producer that may be given up while others still send through it. */
export type ProducerClient = {
  send(record: ProducerRecord): Promise<RecordMetadata[]>;
  /**
   * Disconnects, at once or when the last send under way has ended: kafkajs may connect again for a send that finds its connections closed,
   * and nobody would ever close those.
   */
  retire(): Promise<void>;
};

/** Enough to find a broker that answers; whoever sends tries for longer, and wants to hear meanwhile that none does. */
const CONNECT_RETRY = { retries: 3, initialRetryTime: 50, maxRetryTime: 500 };

export async function connectProducer(
  config: KafkaConfig,
  clientId: string,
  logger: Logger,
): Promise<ProducerClient> {
  const producer = createKafka(config, clientId, logger, CONNECT_RETRY).producer({
    allowAutoTopicCreation: false,
    idempotent: false,
    metadataMaxAge: 60_000,
    // Its caller tries again, with a new client where one is needed: kafkajs would repeat a timed out request on the same dead connection.
    retry: { retries: 0 },
  });
  let sending = 0;
  let retired = false;
  try {
    await producer.connect();
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw error;
  }
  return {
    async send(record) {
      sending++;
      try {
        return await producer.send(record);
      } finally {
        sending--;
        if (retired && sending === 0) void producer.disconnect().catch(() => undefined);
      }
    },
    async retire() {
      retired = true;
      if (sending === 0) await producer.disconnect().catch(() => undefined);
    },
  };
}
