import fc from 'fast-check';
import { decodeRuns, encodeRuns } from './finished-runs';
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

  it('does not bring again, when all is taken back, what is done', () => {
    const window = new OffsetWindow();
    for (const offset of [0, 1, 2, 3]) window.deliver(offset);
    for (const offset of [0, 1, 3]) window.done(offset);
    window.retract(0);
    expect([0, 1, 2, 3].filter((offset) => window.knows(offset))).toEqual([0, 1, 3]);
    window.deliver(2);
    expect(window.floor).toBe(2);
    window.done(2);
    expect(window.floor).toBe(4);
  });

  it('ignores what it never handed out', () => {
    const window = new OffsetWindow();
    window.done(5);
    expect(window.floor).toBeUndefined();
  });

  it('does not bring again what was restored, and counts it as done', () => {
    const window = new OffsetWindow();
    window.restore(10, [{ from: 11, to: 20 }]);
    expect([9, 10, 11, 19, 20].filter((offset) => window.knows(offset))).toEqual([9, 11, 19]);
    window.deliver(10);
    expect(window.floor).toBe(10);
    window.done(10);
    expect(window.floor).toBe(20);
    window.deliver(20);
    expect(window.finished).toEqual([]);
  });

  it('does not grow with what is done behind one that waits for days', () => {
    const window = new OffsetWindow();
    for (let offset = 0; offset < 10_000; offset++) {
      window.deliver(offset);
      if (offset % 9000 !== 0) window.done(offset);
    }
    expect(window.size).toBe(2);
    expect(window.finished).toEqual([
      { from: 1, to: 9000 },
      { from: 9001, to: 10_000 },
    ]);
    window.retract(9000);
    expect([8999, 9000, 9001].filter((offset) => window.knows(offset))).toEqual([8999, 9001]);
    window.done(0);
    expect(window.floor).toBe(9000);
    window.deliver(9000);
    window.done(9000);
    expect(window.floor).toBe(10_000);
  });

  it('tells nothing of a gap below the first that came: it would hide what was restored', () => {
    const window = new OffsetWindow();
    window.restore(10, [{ from: 20, to: 30 }]);
    window.deliver(15);
    expect(decodeRuns(10, encodeRuns(10, window.finished))).toEqual([{ from: 20, to: 30 }]);
  });

  it('believes nothing that was restored of a log which ends before it', () => {
    const window = new OffsetWindow();
    window.restore(10, [{ from: 11, to: 20 }]);
    window.endsAt(20);
    expect(window.knows(19)).toBe(true);
    window.endsAt(19);
    expect(window.knows(11)).toBe(false);
  });

  it('goes on, after any number of restarts in the middle of any work, with what is unfinished and nothing else', () => {
    const step = fc.record({
      kind: fc.constantFrom('deliver', 'done', 'done', 'done', 'retract', 'restart'),
      choice: fc.nat(1000),
    });
    const log = fc
      .uniqueArray(fc.nat(60), { minLength: 1, maxLength: 40 })
      .map((all) => all.sort((a, b) => a - b));
    const maxChars = fc.constantFrom(4096, 20);
    fc.assert(
      fc.property(log, fc.array(step, { maxLength: 120 }), maxChars, (offsets, steps, max) => {
        let window = new OffsetWindow();
        const begun = new Set<number>();
        const finished = new Set<number>();
        const next = () => offsets.find((one) => !window.knows(one));
        for (const { kind, choice } of steps) {
          const open = [...begun].filter((one) => !finished.has(one));
          if (kind === 'deliver') {
            const first = next();
            if (first === undefined) continue;
            // Nothing that is finished comes again, unless it was not remembered.
            if (max === 4096) expect(finished.has(first)).toBe(false);
            finished.delete(first);
            begun.add(first);
            window.deliver(first);
          } else if (kind === 'done' && open.length > 0) {
            const one = open[choice % open.length]!;
            finished.add(one);
            window.done(one);
          } else if (kind === 'retract' && begun.size > 0) {
            const first = Math.max([...begun][choice % begun.size]!, window.floor!);
            window.retract(first);
            for (const one of begun) if (one >= first && !finished.has(one)) begun.delete(one);
          } else if (kind === 'restart' && window.floor !== undefined) {
            const { floor } = window;
            const metadata = encodeRuns(floor, window.finished, max);
            expect(metadata.length).toBeLessThanOrEqual(max);
            window = new OffsetWindow();
            window.restore(floor, decodeRuns(floor, metadata));
            expect(window.floor).toBe(floor);
            const known = offsets.filter((one) => window.knows(one));
            expect(known.filter((one) => !finished.has(one))).toEqual([]);
            if (max === 4096) expect(known).toEqual([...finished].sort((a, b) => a - b));
            begun.clear();
          }
        }
      }),
    );
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
