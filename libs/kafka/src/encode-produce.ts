import { crc32c } from './crc32c';

/** A record as it is encoded; the key and value are the bytes that Kafka keeps. */
export type EncodableRecord = {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
};

/** What one partition is sent. */
export type PartitionBatch = {
  /** With the prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly EncodableRecord[];
};

/** From the first byte of a record batch to its first record. */
const BATCH_HEADER = 61;
/** Of them, what its length field does not count: the base offset and the length itself. */
const BEFORE_LENGTH = 12;
/** Where the bytes begin that the checksum is over. */
const CHECKSUMMED_FROM = 21;

/**
 * The body of a produce request, version 7: acks=all, not idempotent, not compressed, one record batch (format 2) for each partition. kafkajs encodes the
 * same, with an encoder and a buffer for each header of each record, which takes most of the time of a producer of small records.
 * @param now the records' timestamp, milliseconds since 1970
 */
export function encodeProduce(batches: readonly PartitionBatch[], timeoutMs: number, now: number): Buffer {
  const topics = groupByTopic(batches);
  const sized = [...topics].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ partition, records }) => {
      const sizes = records.map(sizeOfRecord);
      const bytes = sizes.reduce((sum, size) => sum + sizeOfVarint(size) + size, BATCH_HEADER);
      return { partition, records, sizes, bytes };
    }),
  }));
  const total = sized.reduce(
    (sum, { topic, partitions }) =>
      sum + 2 + Buffer.byteLength(topic) + 4 + partitions.reduce((all, { bytes }) => all + 8 + bytes, 0),
    12,
  );
  const out = new Writer(Buffer.allocUnsafe(total));
  out.int16(-1).int16(-1).int32(timeoutMs).int32(sized.length);
  for (const { topic, partitions } of sized) {
    out.int16(Buffer.byteLength(topic)).text(topic).int32(partitions.length);
    for (const { partition, records, sizes, bytes } of partitions) {
      out.int32(partition).int32(bytes);
      writeBatch(out, records, sizes, bytes, now);
    }
  }
  return out.buffer;
}

function groupByTopic(batches: readonly PartitionBatch[]): Map<string, PartitionBatch[]> {
  const topics = new Map<string, PartitionBatch[]>();
  for (const batch of batches) {
    const group = topics.get(batch.topic);
    if (group === undefined) topics.set(batch.topic, [batch]);
    else group.push(batch);
  }
  return topics;
}

function writeBatch(
  out: Writer,
  records: readonly EncodableRecord[],
  sizes: readonly number[],
  bytes: number,
  now: number,
): void {
  const start = out.at;
  out.int64(0).int32(bytes - BEFORE_LENGTH);
  // Leader epoch, format, a place for the checksum, attributes.
  out.int32(-1).int8(2).int32(0).int16(0);
  out
    .int32(records.length - 1)
    .int64(now)
    .int64(now);
  // No producer id, epoch or sequence.
  out.int64(-1).int16(-1).int32(-1).int32(records.length);
  records.forEach((record, index) => writeRecord(out, record, sizes[index] ?? 0, index));
  const { buffer, at } = out;
  buffer.writeUInt32BE(crc32c(buffer.subarray(start + CHECKSUMMED_FROM, at)), start + CHECKSUMMED_FROM - 4);
}

function writeRecord(
  out: Writer,
  { key, value, headers }: EncodableRecord,
  size: number,
  index: number,
): void {
  const names = Object.keys(headers);
  out.varint(size).int8(0).varint(0).varint(index).bytes(key).bytes(value).varint(names.length);
  for (const name of names) {
    const text = headers[name] ?? '';
    out.varint(Buffer.byteLength(name)).text(name).varint(Buffer.byteLength(text)).text(text);
  }
}

function sizeOfRecord({ key, value, headers }: EncodableRecord, index: number): number {
  const names = Object.keys(headers);
  let size = 2 + sizeOfVarint(index) + sizeOfBytes(key) + sizeOfBytes(value) + sizeOfVarint(names.length);
  for (const name of names) size += sizeOfText(name) + sizeOfText(headers[name] ?? '');
  return size;
}

function sizeOfBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length;
}

function sizeOfText(text: string): number {
  const length = Buffer.byteLength(text);
  return sizeOfVarint(length) + length;
}

/** Kafka's variable-length integers are signed: a number that is not negative is doubled. */
function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = value * 2; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

class Writer {
  at = 0;

  constructor(readonly buffer: Buffer) {}

  int8(value: number): this {
    this.at = this.buffer.writeInt8(value, this.at);
    return this;
  }

  int16(value: number): this {
    this.at = this.buffer.writeInt16BE(value, this.at);
    return this;
  }

  int32(value: number): this {
    this.at = this.buffer.writeInt32BE(value, this.at);
    return this;
  }

  int64(value: number): this {
    this.at = this.buffer.writeBigInt64BE(BigInt(value), this.at);
    return this;
  }

  varint(value: number): this {
    let rest = value * 2;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.buffer[this.at++] = (rest & 0x7f) | 0x80;
    this.buffer[this.at++] = rest;
    return this;
  }

  /** With its length in front; null has the length -1. */
  bytes(bytes: Buffer | null): this {
    if (bytes === null) {
      this.buffer[this.at++] = 1;
      return this;
    }
    this.varint(bytes.length);
    this.at += bytes.copy(this.buffer, this.at);
    return this;
  }

  text(text: string): this {
    this.at += this.buffer.write(text, this.at);
    return this;
  }
}
