import fc from 'fast-check';
import { frameHeader, framedBytes, scan } from './frames';

const payload = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const segmentOf = (payloads: readonly Buffer[]) =>
  Buffer.concat(payloads.flatMap((one) => [frameHeader(one), one]));
const texts = (payloads: readonly Buffer[]) => payloads.map((one) => one.toString('latin1'));

describe('a segment', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(payload), (payloads) => {
        const { payloads: found, damage } = scan(segmentOf(payloads));
        expect(texts(found)).toEqual(texts(payloads));
        expect(damage).toEqual([]);
      }),
    );
  });

  it('cut off at any byte keeps every whole entry, and tells of the rest', () => {
    const payloads = ['first', '', 'third, longer', 'x'].map((text) => Buffer.from(text));
    const segment = segmentOf(payloads);
    const ends = payloads.map((_, index) =>
      payloads.slice(0, index + 1).reduce((sum, one) => sum + framedBytes(one), 0),
    );
    for (let length = 0; length <= segment.length; length++) {
      const whole = ends.filter((end) => end <= length).length;
      const end = ends[whole - 1] ?? 0;
      expect(scan(segment.subarray(0, length))).toEqual({
        payloads: payloads.slice(0, whole),
        damage: end === length ? [] : [{ start: end, end: length }],
      });
    }
  });

  it('with damage anywhere gives nothing that was not written, loses only what the damage touches, and accounts for every byte', () => {
    fc.assert(
      fc.property(
        fc.array(payload, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 30 }),
        (payloads, where, noise) => {
          const segment = segmentOf(payloads);
          const at = where % segment.length;
          const damaged = Buffer.from(segment);
          damaged.set(noise.subarray(0, segment.length - at), at);
          const touched = new Set<number>();
          let start = 0;
          payloads.forEach((one, index) => {
            const end = start + framedBytes(one);
            if (!damaged.subarray(start, end).equals(segment.subarray(start, end))) touched.add(index);
            start = end;
          });
          const { payloads: found, damage } = scan(damaged);
          expect(texts(found)).toEqual(texts(payloads.filter((_, index) => !touched.has(index))));
          const bytes =
            found.reduce((sum, one) => sum + framedBytes(one), 0) +
            damage.reduce((sum, { start: from, end }) => sum + end - from, 0);
          expect(bytes).toBe(segment.length);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
