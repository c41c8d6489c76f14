import { crc32c } from '@talaria/kafka';

/**
 * How entries lie in a segment, one behind the other: a mark, the length and the CRC-32C of the payload (both big-endian), the payload. The mark begins with a byte
 * that no UTF-8 text can hold, so that nothing a person writes looks like the beginning of an entry.
 */
const MARK = Buffer.from([0xff, 0x54, 0x4c, 0x31]);
const HEADER_BYTES = 12;
/** A body of 4 MB and what is written around it. Beyond it a length is damage. */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

export type Scan = {
  /** The payloads of the whole entries, in order; views of the segment. */
  readonly payloads: readonly Buffer[];
  /** What is no whole entry, where it begins and ends. */
  readonly damage: readonly { readonly start: number; readonly end: number }[];
};

/** The header that stands before a payload. */
export function frameHeader(payload: Buffer): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  MARK.copy(header);
  header.writeUInt32BE(payload.length, 4);
  header.writeUInt32BE(checksum(payload), 8);
  return header;
}

/** How many bytes of disk an entry takes. */
export function framedBytes(payload: Buffer): number {
  return HEADER_BYTES + payload.length;
}

/**
 * Reads a segment, whatever became of it: cut off at any byte, or with damage in the middle. An entry is found again behind the damage; what is
 * in between is told, never passed over in silence.
 */
export function scan(segment: Buffer): Scan {
  const payloads: Buffer[] = [];
  const damage: { start: number; end: number }[] = [];
  let at = 0;
  while (at < segment.length) {
    const payload = payloadAt(segment, at);
    if (payload !== undefined) {
      payloads.push(payload);
      at += framedBytes(payload);
      continue;
    }
    const next = nextEntry(segment, at + 1);
    damage.push({ start: at, end: next });
    at = next;
  }
  return { payloads, damage };
}

function payloadAt(segment: Buffer, at: number): Buffer | undefined {
  const start = at + HEADER_BYTES;
  if (start > segment.length || segment.compare(MARK, 0, MARK.length, at, at + MARK.length) !== 0)
    return undefined;
  const length = segment.readUInt32BE(at + 4);
  if (length > MAX_PAYLOAD_BYTES || start + length > segment.length) return undefined;
  const payload = segment.subarray(start, start + length);
  return checksum(payload) === segment.readUInt32BE(at + 8) ? payload : undefined;
}

function nextEntry(segment: Buffer, from: number): number {
  for (let at = segment.indexOf(MARK, from); at !== -1; at = segment.indexOf(MARK, at + 1)) {
    if (payloadAt(segment, at) !== undefined) return at;
  }
  return segment.length;
}

/** Over the length too: a length that was damaged must not pass with a payload that fits it by chance. */
function checksum(payload: Buffer): number {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(payload.length);
  return crc32c(payload, crc32c(length));
}
