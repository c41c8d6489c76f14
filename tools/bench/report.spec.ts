import { goal, median, reports, spread } from './report';

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
    results: [
      {
        ...{ name: 'x', rate: spread([5]), p50Ms: 1, p99Ms: 2, connections: 64, memory: spread([7]) },
        ...{ cpuUs: null, cpu: { app: 12.5, kafka: null } },
      },
    ],
    ratios: [{ of: 'x', to: 'y', ...spread([0.5]) }],
    goals: [goal('x / y', '>=', 1, 0.5)],
  };

  it('is one line for programs', () => {
    const line = reports.json('ingestion', outcome);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toMatchObject({ case: 'ingestion', ...outcome });
    expect(JSON.parse(line).machine.cores).toBeGreaterThan(0);
  });

  it('says plainly to a person what was missed', () => {
    const text = reports.text('ingestion', outcome);
    expect(text).toContain('MISSED');
    expect(text).toContain('x / y');
    expect(text).toContain('app 12.5, kafka ?');
  });

  it('is a section of a page, with the machine and the command that makes it again', () => {
    const [heading, results, ratios, goals] = reports
      .markdown('ingestion', outcome, ['ingestion', '--rounds', '1'])
      .split('\n\n');
    expect(heading).toMatch(/^\d{4}-\d\d-\d\d, \d+ cores .*`npm run bench -- ingestion --rounds 1`/);
    expect(results?.split('\n')).toEqual([
      '| result | a second | p50 ms | p99 ms | CPU µs | of each process | details |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| x | 5 (5–5) | 1 | 2 | ? | app 12.5, kafka ? | connections 64, memory 7 (7–7) |',
    ]);
    expect(ratios).toContain('| x / y | 0.5 (0.5–0.5) |');
    expect(goals).toContain('| x / y | >= 1 | 0.5 | MISSED |');
  });

  it('has no table without rows', () => {
    const { ratios: _, ...others } = outcome;
    expect(reports.markdown('x', { ...others, ratios: [] }, [])).not.toContain('| ratio');
  });
});
