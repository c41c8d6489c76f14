import { headers, topics } from '@talaria/contracts';
import { NotWrittenError, type OutgoingRecord, type VerifiedProducer } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Segment } from './segment-files';
import { type Spool } from './spool';
import { spoolDamage, spooledItems } from './spool.metrics';
import { decodeRecord, encodeRecord } from './spooled-record';

export type Drain = {
  readonly producer: VerifiedProducer;
  readonly spool: Spool;
  /** Opens the folder for records that Kafka refuses even as dead letters. It is a spool of its own. */
  readonly openRefused: () => Promise<Spool>;
  readonly logger: Logger;
};

/** How long Kafka may take for a dead letter before it waits in the spool. */
const DEAD_LETTER_WITHIN_MS = 2000;

/**
 * Sends all of a segment to Kafka, in order, for as long as that takes, and removes it; one with damage is set aside instead.
 * @returns undefined when some of it could not be sent (the producer was closed or gave up): the segment is still there
 */
export async function drainSegment(
  drain: Drain,
  segment: Segment,
): Promise<{ readonly items: number; readonly damagedBytes: number } | undefined> {
  const { spool, logger } = drain;
  const { payloads, damagedBytes } = await spool.read(segment);
  const ends = await Promise.allSettled(
    payloads.map((payload) => drainRecord(drain, readRecord(payload, segment.name))),
  );
  if (ends.some(({ status }) => status === 'rejected')) return undefined;
  if (damagedBytes > 0) {
    await spool.setAside(segment);
    spoolDamage.inc(damagedBytes);
    logger.error(
      { segment: segment.name, damagedBytes },
      'a segment of the spool was damaged: what could be read is in Kafka, and the file is kept as "*.damaged": a write was cut off, or the disk is failing',
    );
  } else {
    await spool.remove(segment);
  }
  spooledItems.inc({ event: 'drained' }, payloads.length);
  return { items: payloads.length, damagedBytes };
}

async function drainRecord(drain: Drain, record: OutgoingRecord): Promise<void> {
  try {
    await drain.producer.send(record);
  } catch (error) {
    if (!isRefused(error)) throw error;
    await deadLetter(drain, record, error);
  }
}

/**
 * Makes a dead letter of what Kafka refuses for ever, because it would come again for ever; refused as that too, it goes into a folder. Resolves when it
 * is in one of them.
 */
export async function deadLetter(
  drain: Drain,
  record: OutgoingRecord,
  cause: NotWrittenError,
): Promise<void> {
  const { producer, spool, openRefused, logger } = drain;
  spooledItems.inc({ event: 'refused' });
  logger.error({ reason: cause.message }, 'Kafka refuses an item: it becomes a dead letter');
  const letter = {
    ...record,
    topic: topics.webhooksDlq.name,
    headers: {
      ...record.headers,
      [headers.dlqCause]: 'invalid',
      [headers.dlqAt]: new Date().toISOString(),
      [headers.errorMessage]: cause.message,
    },
  };
  try {
    await producer.send(letter, { timeoutMs: DEAD_LETTER_WITHIN_MS });
  } catch (error) {
    const keeper = isRefused(error) ? await openRefused() : spool;
    await keeper.append(encodeRecord(letter));
  }
}

/** Kafka will never take it, however often it is sent. */
export function isRefused(error: unknown): error is NotWrittenError {
  return error instanceof NotWrittenError && error.reason === 'refused';
}

/** What passed its checksum and is no record was written by another program: it is kept whole, where a person will look at it. */
function readRecord(payload: Buffer, segment: string): OutgoingRecord {
  try {
    return decodeRecord(payload);
  } catch {
    const why = {
      [headers.dlqCause]: 'decode',
      [headers.errorMessage]: 'an entry of the spool that is no record',
    };
    return { topic: topics.webhooksDlq.name, key: segment, value: payload, headers: why };
  }
}
