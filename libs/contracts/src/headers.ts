/** Names of record headers. Values are UTF-8 text. */
export const headers = {
  /** One webhook request; every item of its body carries the same. */
  deliveryId: 'x-delivery-id',
  /** Place of the item in the body, from 0. */
  itemIndex: 'x-item-index',
  itemCount: 'x-item-count',
  /** ISO 8601, when the webhook arrived. */
  receivedAt: 'x-received-at',
  /** SHA-256 of the whole body as received, hex. */
  bodySha256: 'x-body-sha256',
  /** The app of the registry whose secret signed the webhook, by its id; absent for the app of ingestion's own environment. */
  appId: 'x-app-id',

  /** Attempts already spent on this command. */
  attempts: 'x-attempts',
  /** Milliseconds since 1970: not to be tried before. Never put into the record's timestamp. */
  dueAt: 'x-due-at',
  firstFailureAt: 'x-first-failure-at',
  lastFailureAt: 'x-last-failure-at',

  /** Where the record was first read; set once, kept through every later topic. */
  originalTopic: 'x-original-topic',
  originalPartition: 'x-original-partition',
  originalOffset: 'x-original-offset',
  originalTimestamp: 'x-original-timestamp',

  /**
   * The offset at which a command of `order: strict` stood in `whatsapp.outbound`, when it has come back there: it goes before what stands
   * behind that.
   */
  place: 'x-place',

  /** The partition that a command was forwarded to, because its publisher's partitioner had chosen another. */
  rekeyedTo: 'x-rekeyed-to',

  /** Why it is in a dead-letter topic; see DeadLetterCause. */
  dlqCause: 'x-dlq-cause',
  dlqAt: 'x-dlq-at',
  /** What was wrong, for a person; without phones, tokens or text. At most 512 characters. */
  errorMessage: 'x-error-message',
  /** What kind of error it was, in the words of the error catalogue. */
  errorClass: 'x-error-class',
  /** Meta's error code. */
  metaCode: 'x-meta-code',
  /** Meta's own id of the failed call: what its support asks for. */
  fbtraceId: 'x-fbtrace-id',

  /** `<re-drive>/<dead letter>`, by their ids in the database: it had been given up, and a person lets it be tried again. See Redriven. */
  redrive: 'x-redrive',
  /** Where that dead letter lies: topic/partition/offset. */
  redrivenFrom: 'x-redriven-from',
} as const;

/**
 * decode: not readable as what the topic holds · invalid: readable, but refused before any attempt · permanent: Meta refused for good ·
 * exhausted: every attempt failed · expired: its time ran out · ambiguous: the truth could not be found out · conflict: its id belongs to
 * a command with other contents · data: the database refuses its content
 */
export type DeadLetterCause =
  'decode' | 'invalid' | 'permanent' | 'exhausted' | 'expired' | 'ambiguous' | 'conflict' | 'data';
