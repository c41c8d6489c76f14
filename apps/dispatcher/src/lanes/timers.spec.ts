import fc from 'fast-check';
import { addTimer, createTimers, nextAt, takeDue } from './timers';

it('whatever is added when, it comes in order of time, and at one time in order of arrival', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant('take'))),
      fc.integer({ min: 0, max: 25 }),
      (steps, now) => {
        const timers = createTimers<number>();
        let expected: { at: number; id: number }[] = [];
        for (const [id, step] of steps.entries()) {
          if (typeof step === 'number') {
            addTimer(timers, step, id);
            expected.push({ at: step, id });
            expected = expected.sort((one, other) => one.at - other.at || one.id - other.id);
            continue;
          }
          expect(nextAt(timers)).toBe(expected[0]?.at ?? Infinity);
          const due = expected[0] !== undefined && expected[0].at <= now ? expected.shift() : undefined;
          expect(takeDue(timers, now)).toBe(due?.id);
        }
      },
    ),
    { numRuns: 1000 },
  );
});
