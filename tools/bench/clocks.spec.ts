import { type Clocks, cpuColumns, usedForEach, workOf } from './clocks';

describe('what processes used', () => {
  it('is told for each message, and not where it is not known', () => {
    const before: Clocks = { app: 100, kafka: undefined, database: 50 };
    expect(usedForEach(before, { app: 160, kafka: 3, database: 50 }, 20)).toEqual({
      ...{ app: 3000, kafka: undefined, database: 0 },
    });
  });

  it('is the middle of the rounds, summed without what is beside the work', () => {
    const rounds = [10, 30, 20].map((app) => ({ app, database: 5, simulator: 100, machine: 500 }));
    expect(cpuColumns(rounds)).toEqual({
      cpuUs: 25,
      cpu: { app: 20, database: 5, simulator: 100, machine: 500 },
    });
  });

  it('is added up of those that do the work, when all of them are known', () => {
    expect(workOf({ app: 1, database: 2, simulator: 100, generator: undefined })).toBe(3);
    expect(workOf({ app: 1, kafka: undefined })).toBeUndefined();
    expect(workOf({ generator: 1 })).toBeUndefined();
  });

  it('has no sum when one of those that do the work is not known in every round', () => {
    const rounds = [
      { app: 1, kafka: 2 },
      { app: 1, kafka: undefined },
    ];
    expect(cpuColumns(rounds)).toEqual({ cpuUs: null, cpu: { app: 1, kafka: null } });
    expect(cpuColumns([{ app: 1, simulator: undefined }]).cpuUs).toBe(1);
    expect(cpuColumns([{ generator: 1 }]).cpuUs).toBeNull();
  });
});
