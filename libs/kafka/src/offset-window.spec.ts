import fc from 'fast-check';
import { OffsetWindow } from './offset-window';

describe('the window of offsets', () => {
  it('commits nothing past a record that is not done', () => {
    const window = new OffsetWindow();
    for (const offset of [10, 11, 15]) window.deliver(offset);
    expect(window.floor).toBe(10);
    window.done(11);
    expect(window.floor).toBe(10);
    window.done(10);
    expect(window.floor).toBe(15);
    window.done(15);
    expect(window.floor).toBe(16);
    expect(window.size).toBe(0);
  });

  it('knows what was handed out, until it is taken back', () => {
    const window = new OffsetWindow();
    for (const offset of [0, 1, 2, 3]) window.deliver(offset);
    window.retract(2);
    expect([0, 1, 2, 3].filter((offset) => window.knows(offset))).toEqual([0, 1]);
    window.done(0);
    window.done(1);
    expect(window.floor).toBe(2);
  });

  it('does not bring again, when all is taken back, what lies below its floor', () => {
    const window = new OffsetWindow();
    for (const offset of [0, 1, 2, 3]) window.deliver(offset);
    for (const offset of [0, 1, 3]) window.done(offset);
    window.retract(0);
    expect([0, 1, 2, 3].filter((offset) => window.knows(offset))).toEqual([0, 1]);
    window.deliver(2);
    expect(window.floor).toBe(2);
  });

  it('ignores what it never handed out', () => {
    const window = new OffsetWindow();
    window.done(5);
    expect(window.floor).toBeUndefined();
  });

  it('has, in any order of completion, the first unfinished offset as its floor, and never goes back', () => {
    const offsets = fc
      .uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 50 })
      .map((all) => all.sort((a, b) => a - b));
    const scenario = offsets.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all)));
    fc.assert(
      fc.property(scenario, ([all, finished]) => {
        const window = new OffsetWindow();
        for (const offset of all) window.deliver(offset);
        let floor = window.floor ?? -1;
        const done = new Set<number>();
        for (const offset of finished) {
          window.done(offset);
          done.add(offset);
          const expected = all.find((one) => !done.has(one)) ?? (all.at(-1) ?? 0) + 1;
          expect(window.floor).toBe(expected);
          expect(window.floor).toBeGreaterThanOrEqual(floor);
          floor = window.floor ?? -1;
        }
      }),
    );
  });
});
