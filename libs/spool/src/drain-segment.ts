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

/** A segment on its way to Kafka. */
export type OpenSegment = {
  readonly segment: Segment;
  readonly items: number;
  readonly damagedBytes: number;
  /** What is not in Kafka yet, in order. */
  left: readonly Buffer[];
};

/** @throws when the disk cannot be read */
export async function openSegment(spool: Spool, segment: Segment): Promise<OpenSegment> {
  const { payloads, damagedBytes } = await spool.read(segment);
  return { segment, items: payloads.length, damagedBytes, left: payloads };
}

/**
 * Sends what is left of a segment to Kafka, in order, for as long as that takes, and removes the file; one with damage is set aside instead.
 * @throws the first reason why some of it could not be sent (the producer was closed, a dead letter could not be kept). The file is still there, and the
 * next call goes on with what is left.
 */
export async function drainSegment(drain: Drain, open: OpenSegment): Promise<void> {
  const { spool, logger } = drain;
  const { segment, items, damagedBytes } = open;
  const ends = await Promise.allSettled(
    open.left.map((payload) => drainRecord(drain, readRecord(payload, segment.name))),
  );
  open.left = open.left.filter((_, index) => ends[index]?.status === 'rejected');
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  spooledItems.inc({ event: 'drained' }, items);
  if (damagedBytes === 0) {
    await spool.remove(segment);
    return;
  }
  spoolDamage.inc(damagedBytes);
  logger.error(
    { segment: segment.name, damagedBytes },
    'a segment of the spool was damaged: what could be read is in Kafka, and the file is kept as "*.damaged": a write was cut off, or the disk is failing',
  );
  await spool.setAside(segment);
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
