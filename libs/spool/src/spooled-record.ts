import { type OutgoingRecord } from '@talaria/kafka';

type Head = {
  readonly topic: string;
  readonly key: string | null;
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

/** A record as an entry of the spool: the length of the head, the head as JSON (topic, key, headers), then the value's own bytes. */
export function encodeRecord({ topic, key, headers, value }: OutgoingRecord): Buffer {
  const text = typeof key === 'string' || key === null ? key : key.toString();
  const head = Buffer.from(JSON.stringify({ topic, key: text, headers } satisfies Head));
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, typeof value === 'string' ? Buffer.from(value) : (value ?? EMPTY)]);
}

/** @throws when the bytes are no spooled record: they passed their CRC, so another program, or another version, wrote them */
export function decodeRecord(payload: Buffer): OutgoingRecord & { readonly value: Buffer } {
  const end = 4 + payload.readUInt32BE(0);
  const { topic, key, headers = {} } = JSON.parse(payload.toString('utf8', 4, end)) as Head;
  return { topic, key, headers, value: payload.subarray(end) };
}

const EMPTY = Buffer.alloc(0);
