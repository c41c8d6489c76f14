import { ticksOf } from './cpu-time';

describe('the CPU time of a process', () => {
  it('is its user and system time, whatever its name is', () => {
    const after = 'S 1 2 3 4 5 6 7 8 9 10 1200 34 0 0 20 0';
    expect(ticksOf(`42 (a (b) c) ${after}`)).toBe(1234);
  });
});
