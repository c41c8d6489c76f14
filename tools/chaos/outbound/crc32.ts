/** CRC-32 as zlib and librdkafka's partitioner `consistent` have it: https://github.com/confluentinc/librdkafka/blob/master/src/rdcrc32.h */
export function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
