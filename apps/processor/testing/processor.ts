import { topics } from '@talaria/contracts';
import {
  createVerifiedProducer,
  type KafkaConfig,
  type OutgoingRecord,
  startConsumer,
  type VerifiedProducer,
} from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type DataSource } from 'typeorm';
import { Consumers } from '../src/consumers';

/** A producer that keeps what it is given, for specs that are about Postgres alone. */
export function keepingProducer(): VerifiedProducer & { readonly sent: OutgoingRecord[] } {
  const sent: OutgoingRecord[] = [];
  return {
    sent,
    send(record) {
      sent.push(record);
      return Promise.resolve({ topic: record.topic, partition: 0, offset: sent.length - 1 });
    },
    partitionFor: () => 0,
    giveUp: () => undefined,
    fault: () => undefined,
    close: () => Promise.resolve(),
  };
}

export type RunningProcessor = {
  /** May write to every topic of the processor, also to those that it reads. */
  readonly producer: VerifiedProducer;
  close(): Promise<void>;
};

/**
 * The processor without its process: the consumers on real Kafka and Postgres.
 * @param options.around lets a spec step in between the consumers and their producer
 */
export async function runProcessor(options: {
  readonly config: KafkaConfig;
  readonly dataSource: DataSource;
  readonly logger: Logger;
  readonly around?: (producer: VerifiedProducer) => VerifiedProducer;
}): Promise<RunningProcessor> {
  const { config, dataSource, logger, around = (one) => one } = options;
  const names = [topics.webhooks, topics.webhooksDlq, topics.events].map(({ name }) => name);
  const producer = await createVerifiedProducer({ config, clientId: 'spec', topics: names, logger });
  const consumers = new Consumers({ dataSource, producer: around(producer), logger });
  const consumer = await startConsumer({
    config,
    groupId: 'processor',
    handlers: new Map([[topics.webhooks.name, (batch) => consumers.webhooks(batch).then(() => undefined)]]),
    logger,
    onFatal: (error) => {
      throw error;
    },
  });
  return {
    producer,
    async close() {
      await consumer.close();
      await producer.close();
    },
  };
}
