import { goal, median, spread, toJson, toText } from './report';

describe('a report', () => {
  it('quotes the middle and both ends', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => spread([])).toThrow();
  });

  it('shows a goal that was missed, and one that could not be measured', () => {
    expect(goal('a', '>=', 0.4, 0.4)).toEqual({ name: 'a', goal: '>= 0.4', reached: 0.4, ok: true });
    expect(goal('a', '>=', 0.4, 0.39)).toMatchObject({ reached: 0.39, ok: false });
    expect(goal('a', '<=', 10, undefined)).toMatchObject({ reached: null, ok: false });
    expect(goal('a', '<=', 10, NaN)).toMatchObject({ reached: null, ok: false });
    expect(goal('a', '=', 0, 0).ok).toBe(true);
  });

  const outcome = {
    results: [{ name: 'x', rate: spread([5]), p50Ms: 1, p99Ms: 2, cpuUs: null, connections: 64 }],
    ratios: [{ of: 'x', to: 'y', ...spread([0.5]) }],
    goals: [goal('x / y', '>=', 1, 0.5)],
  };

  it('is one line for programs', () => {
    const line = toJson('ingestion', outcome);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toMatchObject({ case: 'ingestion', ...outcome });
    expect(JSON.parse(line).machine.cores).toBeGreaterThan(0);
  });

  it('says plainly to a person what was missed', () => {
    const text = toText('ingestion', outcome);
    expect(text).toContain('MISSED');
    expect(text).toContain('x / y');
  });
});
