import fc from 'fast-check';
import { availableAt, perSecond, RESTED, spent, take } from './gcra';

const limits = fc.record({ rate: fc.integer({ min: 1, max: 1000 }), burst: fc.integer({ min: 1, max: 60 }) });

it('holds in any window of any length no more than the burst and the rate over its length', () => {
  const gaps = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 300 });
  fc.assert(
    fc.property(limits, gaps, ({ rate, burst }, waits) => {
      const limit = perSecond(rate, burst);
      const taken: number[] = [];
      let now = 1_000_000;
      let state = RESTED;
      for (const wait of waits) {
        now += wait;
        if (availableAt(state, limit) > now) continue;
        state = take(state, limit, now);
        taken.push(now);
      }
      for (let from = 0; from < taken.length; from++) {
        for (let to = from; to < taken.length; to++) {
          const length = taken[to]! - taken[from]!;
          expect(to - from + 1).toBeLessThanOrEqual(burst + (rate * length) / 1000 + 1e-6);
        }
      }
    }),
  );
});

it('gives all of the rate when there is always work and it is asked in time', () => {
  fc.assert(
    fc.property(limits, fc.integer({ min: 1, max: 20 }), ({ rate, burst }, lateness) => {
      const limit = perSecond(rate, burst);
      fc.pre(lateness <= (burst - 1) * limit.intervalMs || lateness === 1);
      const start = 1_000_000;
      let state = spent(limit, start);
      let count = 0;
      for (let now = start; now <= start + 10_000; now += lateness) {
        while (availableAt(state, limit) <= now) {
          state = take(state, limit, now);
          count++;
        }
      }
      const least = burst > 1 ? rate * 10 - 1 : 10_000 / (limit.intervalMs + lateness) - 1;
      expect(count).toBeGreaterThanOrEqual(Math.floor(least * 0.99));
    }),
  );
});

it('gives its burst at once after a rest, and nothing when it was spent', () => {
  const limit = perSecond(10, 3);
  let state = RESTED;
  for (let n = 0; n < 3; n++) {
    expect(availableAt(state, limit)).toBeLessThanOrEqual(1000);
    state = take(state, limit, 1000);
  }
  expect(availableAt(state, limit)).toBe(1100);
  expect(availableAt(spent(limit, 1000), limit)).toBe(1100);
});
