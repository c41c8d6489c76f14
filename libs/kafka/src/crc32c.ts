/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** What a byte does to the CRC, alone and with one, two or three bytes behind it: four bytes are taken at once. */
const [ALONE, BEFORE_ONE, BEFORE_TWO, BEFORE_THREE] = makeTables();

function makeTables(): [Int32Array, Int32Array, Int32Array, Int32Array] {
  const alone = Int32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
    return rest;
  });
  const withOneMore = (table: Int32Array) => table.map((crc) => (alone[crc & 0xff] ?? 0) ^ (crc >>> 8));
  const one = withOneMore(alone);
  const two = withOneMore(one);
  return [alone, one, two, withOneMore(two)];
}

/** The CRC-32C of RFC 3720, as Kafka and ext4 use it; `seed` is the CRC of what came before. Node has only the CRC of zip files. */
export function crc32c(bytes: Buffer, seed = 0): number {
  const whole = bytes.length & ~3;
  let crc = ~seed;
  let at = 0;
  for (; at < whole; at += 4) {
    crc ^= bytes.readInt32LE(at);
    crc =
      (BEFORE_THREE[crc & 0xff] ?? 0) ^
      (BEFORE_TWO[(crc >>> 8) & 0xff] ?? 0) ^
      (BEFORE_ONE[(crc >>> 16) & 0xff] ?? 0) ^
      (ALONE[crc >>> 24] ?? 0);
  }
  for (; at < bytes.length; at++) crc = (ALONE[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}
