import { crc32 } from './crc32';

it('is the CRC-32 of zlib', () => {
  // The check value that catalogues of CRCs give.
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  expect(crc32(Buffer.alloc(0))).toBe(0);
});
