import { type DeadLetterCause, headers } from './headers';

/** What is known of a record when it is given up or sent to a retry topic. */
export type RecordOrigin = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly headers: Readonly<Record<string, string>>;
};

const MAX_TEXT = 512;

/** `other`: whoever wrote it gave none that is known. */
export type LetterCause = DeadLetterCause | 'other';

export const letterCauses: readonly LetterCause[] = [
  'decode',
  'invalid',
  'permanent',
  'exhausted',
  'expired',
  'ambiguous',
  'conflict',
  'data',
  'other',
];

/** The record's own headers and where it was first read: set once, kept through every later topic. */
export function originHeaders(record: RecordOrigin): Record<string, string> {
  return {
    [headers.originalTopic]: record.topic,
    [headers.originalPartition]: String(record.partition),
    [headers.originalOffset]: String(record.offset),
    [headers.originalTimestamp]: String(record.timestamp),
    ...record.headers,
  };
}

/**
 * Headers of a dead letter; its key and value stay the bytes that came.
 * @param message what was wrong, for a person, without phones, tokens or text
 */
export function deadLetterHeaders(
  record: RecordOrigin,
  { cause, message, at }: { readonly cause: DeadLetterCause; readonly message: string; readonly at: Date },
): Record<string, string> {
  return {
    ...originHeaders(record),
    [headers.dlqCause]: cause,
    [headers.dlqAt]: at.toISOString(),
    [headers.errorMessage]: message.slice(0, MAX_TEXT),
  };
}
