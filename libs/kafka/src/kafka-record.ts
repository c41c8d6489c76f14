import { type IHeaders, type KafkaMessage } from 'kafkajs';

/** A record as it was read. */
export type KafkaRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970, as the broker holds it. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Header values as text; of repeated headers the last. One without a value is left out. */
  readonly headers: Readonly<Record<string, string>>;
};

/** What a record takes in memory, about: key, value and headers. */
export function sizeOf({ key, value, headers }: Pick<KafkaRecord, 'key' | 'value' | 'headers'>): number {
  let size = (key?.length ?? 0) + (value?.length ?? 0);
  for (const name in headers) size += name.length + (headers[name]?.length ?? 0);
  return size;
}

/**
 * Copies what is kept: kafkajs hands out slices of the whole fetch answer, and one kept value would hold megabytes.
 */
export function readRecord(topic: string, partition: number, message: KafkaMessage): KafkaRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: message.key === null ? null : Buffer.from(message.key),
    value: message.value === null ? null : Buffer.from(message.value),
    headers: readHeaders(message.headers),
  };
}

/** kafkajs gives null for a header without a value, which its types do not say and any publisher may send. */
function readHeaders(headers: IHeaders | undefined): Record<string, string> {
  const read: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    const last = (Array.isArray(value) ? value.at(-1) : value) as Buffer | string | null | undefined;
    if (last != null) read[name] = last.toString();
  }
  return read;
}
