import { Inject, Injectable } from '@nestjs/common';
import { traceHeaders } from '@talaria/observability';
import { type RecordWriter } from '../spool/record-writer';
import { RECORD_WRITER } from '../tokens';
import { toRecords, type Delivery, type WebhookRecord } from './to-records';

@Injectable()
export class WebhookPublisher {
  constructor(@Inject(RECORD_WRITER) private readonly writer: RecordWriter) {}

  /**
   * Resolves when every item of the body is in Kafka, confirmed by all in-sync replicas, or in the spool, synced to the disk. Items may be
   * written although it throws: Meta sends the body again, and readers tell repeats apart.
   * @returns the records that were written
   * @throws {NotSpooledError} when neither took all of them
   */
  async publish(delivery: Delivery): Promise<readonly WebhookRecord[]> {
    const records = toRecords(delivery, traceHeaders());
    await Promise.all(records.map((record) => this.writer.write(record)));
    return records;
  }
}
