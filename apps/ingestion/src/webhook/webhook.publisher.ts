import { Inject, Injectable } from '@nestjs/common';
import { sendInSpan } from '@talaria/observability';
import { type Context } from '@opentelemetry/api';
import { type RecordWriter } from '../spool/record-writer';
import { RECORD_WRITER } from '../tokens';
import { toRecords, type Delivery, type WebhookRecord } from './to-records';

@Injectable()
export class WebhookPublisher {
  constructor(@Inject(RECORD_WRITER) private readonly writer: RecordWriter) {}

  /**
   * Resolves when every item of the body is in Kafka, confirmed by all in-sync replicas, or in the spool, synced to the disk. Items may be
   * written although it throws: Meta sends the body again, and readers tell repeats apart.
   * @param trace that the delivery belongs to: the records carry it on, also through the spool
   * @returns the records that were written
   * @throws {NotSpooledError} when neither took all of them
   */
  async publish(delivery: Delivery, trace: Context): Promise<readonly WebhookRecord[]> {
    const records = toRecords(delivery);
    await Promise.all(
      records.map((record) =>
        sendInSpan(record.topic, trace, (traced) =>
          this.writer.write({ ...record, headers: { ...record.headers, ...traced } }),
        ),
      ),
    );
    return records;
  }
}
