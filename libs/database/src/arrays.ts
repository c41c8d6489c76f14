/** Postgres's numbers for the types of elements, which never change. */
const OID = { bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, json: 114, jsonb: 3802 } as const;

/** What has to be written of an element after its length. */
type Write<Item> = {
  readonly oid: number;
  readonly sizeOf: (item: Item) => number;
  readonly write: (to: Buffer, item: Item, at: number) => void;
};

/** The form of a jsonb that comes in front of its text. */
const JSONB_VERSION = 1;

/** From an array's first byte to its first element. */
const HEAD = 20;

/**
 * Parameters for `unnest($1::text[], …)`, as Postgres itself keeps arrays. pg makes texts of them, with each element quoted and bytes as hexadecimal
 * digits, which takes several times as long to write and to read. The cast in the statement must name the same type.
 */
export const arrayOf = {
  text: (items: Items<string>) => encode(items, textual(OID.text)),
  json: (items: Items<string>) => encode(items, textual(OID.json)),
  jsonb: (items: Items<string>) => encode(items, JSONB),
  bytea: (items: Items<Buffer>) => encode(items, BYTEA),
  smallint: (items: Items<number>) => encode(items, INT2),
  integer: (items: Items<number>) => encode(items, INT4),
  /** Of safe integers. */
  bigint: (items: Items<number>) => encode(items, INT8),
} as const;

type Items<Item> = readonly (Item | null)[];

function textual(oid: number): Write<string> {
  return {
    oid,
    sizeOf: (text) => Buffer.byteLength(text),
    write: (to, text, at) => void to.write(text, at),
  };
}

const JSONB: Write<string> = {
  oid: OID.jsonb,
  sizeOf: (text) => 1 + Buffer.byteLength(text),
  write(to, text, at) {
    to[at] = JSONB_VERSION;
    to.write(text, at + 1);
  },
};

const BYTEA: Write<Buffer> = {
  oid: OID.bytea,
  sizeOf: ({ length }) => length,
  write: (to, bytes, at) => void bytes.copy(to, at),
};

const INT2: Write<number> = {
  oid: OID.int2,
  sizeOf: () => 2,
  write: (to, value, at) => void to.writeInt16BE(value, at),
};

const INT4: Write<number> = {
  oid: OID.int4,
  sizeOf: () => 4,
  write: (to, value, at) => void to.writeInt32BE(value, at),
};

const INT8: Write<number> = {
  oid: OID.int8,
  sizeOf: () => 8,
  write(to, value, at) {
    to.writeInt32BE(Math.floor(value / 2 ** 32), at);
    to.writeUInt32BE(value >>> 0, at + 4);
  },
};

function encode<Item>(items: Items<Item>, { oid, sizeOf, write }: Write<Item>): Buffer {
  const sizes = items.map((item) => (item === null ? 0 : sizeOf(item)));
  const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, HEAD));
  // One dimension, whether anything in it is null, and from which number its elements are counted.
  bytes.writeInt32BE(1, 0);
  bytes.writeInt32BE(items.includes(null) ? 1 : 0, 4);
  bytes.writeInt32BE(oid, 8);
  bytes.writeInt32BE(items.length, 12);
  bytes.writeInt32BE(1, 16);
  let at = HEAD;
  items.forEach((item, index) => {
    const size = sizes[index] ?? 0;
    bytes.writeInt32BE(item === null ? -1 : size, at);
    if (item !== null) write(bytes, item, at + 4);
    at += 4 + size;
  });
  return bytes;
}
