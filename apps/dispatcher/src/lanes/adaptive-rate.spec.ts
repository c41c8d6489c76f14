import fc from 'fast-check';
import { shareAt, slowDown, type Slowed } from './adaptive-rate';

const START = 1_000_000;

it('is halved by each sign, and calls that fail together are one sign', () => {
  const once = slowDown(undefined, START);
  expect(shareAt(once, START)).toBe(0.5);
  expect(slowDown(once, START + 999)).toBe(once);
  expect(shareAt(slowDown(once, START + 1000), START + 1000)).toBeCloseTo(0.255);
});

it('grows back to all of it, and no further', () => {
  const once = slowDown(undefined, START);
  expect(shareAt(once, START + 25_000)).toBeCloseTo(0.75);
  expect(shareAt(once, START + 50_000)).toBe(1);
  expect(shareAt(once, START + 500_000)).toBe(1);
});

it('is never nothing and never too much, whenever the signs come', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100_000 })), (pauses) => {
      let slowed: Slowed | undefined;
      let now = START;
      for (const pause of pauses) {
        now += pause;
        const before = shareAt(slowed, now);
        slowed = slowDown(slowed, now);
        expect(shareAt(slowed, now)).toBeLessThanOrEqual(before);
        expect(shareAt(slowed, now)).toBeGreaterThan(0);
      }
    }),
  );
});
