import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type OutgoingRecord, type VerifiedProducer } from '@talaria/kafka';
import { INGESTION_CONFIG, PRODUCER } from '../tokens';
import { type IngestionConfig } from '../config';
import { toRecords, type Delivery } from './to-records';

@Injectable()
export class WebhookPublisher implements OnApplicationShutdown {
  constructor(
    @Inject(PRODUCER) private readonly producer: VerifiedProducer,
    @Inject(INGESTION_CONFIG) private readonly config: IngestionConfig,
  ) {}

  /**
   * Resolves when every item of the body is in Kafka, confirmed by all in-sync replicas. Items may be written although it throws:
   * Meta sends the body again, and readers tell repeats apart.
   * @returns the records that were written
   * @throws {NotWrittenError} when Kafka did not confirm all of them in time
   */
  async publish(delivery: Delivery): Promise<readonly OutgoingRecord[]> {
    const records = toRecords(delivery);
    const timeoutMs = this.config.WEBHOOK_ACK_TIMEOUT;
    await Promise.all(records.map((record) => this.producer.send(record, { timeoutMs })));
    return records;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.producer.close();
  }
}
