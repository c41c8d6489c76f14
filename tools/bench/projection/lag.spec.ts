import { evennessOf } from './lag';

/** Projected at these rates, records a millisecond, for ten seconds each. */
const curveOf = (...rates: number[]) => {
  const curve = [{ atMs: 0, projected: 0 }];
  for (const rate of rates)
    for (let step = 0; step < 100; step++) {
      const last = curve.at(-1) ?? { atMs: 0, projected: 0 };
      curve.push({ atMs: last.atMs + 100, projected: last.projected + rate * 100 });
    }
  return { curve };
};

describe('how even a lag was drained', () => {
  it('is 1 for an even rate, and what the rate fell to otherwise', () => {
    expect(evennessOf(curveOf(5, 5, 5))).toBeCloseTo(1, 1);
    expect(evennessOf(curveOf(6, 5, 3))).toBeCloseTo(0.5, 1);
  });

  it('leaves the first seconds out', () => {
    const { curve } = curveOf(5, 5);
    const slow = curve.map(({ atMs, projected }) => ({ atMs, projected: atMs < 2500 ? 1 : projected }));
    expect(evennessOf({ curve: slow })).toBeCloseTo(1, 1);
  });
});
