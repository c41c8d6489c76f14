import fc from 'fast-check';
import { PAIR_LIMIT, PairLimits } from './pair-limits';
import { SendLimits } from './send-limits';

const SECOND = 1000;

/** Asks at each of the times and returns those that were allowed. */
function allowedTimes(limits: SendLimits, times: readonly number[], rate: number): number[] {
  return times.filter((at, index) => {
    if (limits.refusal('100', `person ${index}`, rate, at) !== undefined) return false;
    limits.countSend('100', `person ${index}`, at);
    return true;
  });
}

function mostInAnySecond(times: readonly number[]): number {
  return Math.max(
    0,
    ...times.map((start) => times.filter((time) => time >= start && time - start < SECOND).length),
  );
}

const risingTimes = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 900, max: 1100 })), {
    maxLength: 300,
  })
  .map((gaps) => {
    let now = 1_700_000_000_000;
    return gaps.map((gap) => (now += gap / 4));
  });

describe('throughput', () => {
  it('never lets more than the rate into any sliding second, and reports the highest exactly', () => {
    fc.assert(
      fc.property(risingTimes, fc.integer({ min: 1, max: 30 }), (times, rate) => {
        const limits = new SendLimits();
        const highest = mostInAnySecond(allowedTimes(limits, times, rate));
        expect(highest).toBeLessThanOrEqual(rate);
        expect(limits.highest()['100']?.sends ?? 0).toBe(highest);
      }),
    );
  });

  it('refuses only when the second is full', () => {
    fc.assert(
      fc.property(risingTimes, fc.integer({ min: 1, max: 30 }), (times, rate) => {
        const allowed = allowedTimes(new SendLimits(), times, rate);
        const refused = times.length - allowed.length;
        if (mostInAnySecond(times) <= rate) expect(refused).toBe(0);
      }),
    );
  });

  it('counts inbound messages against the same rate', () => {
    const limits = new SendLimits();
    for (let count = 0; count < 80; count += 1) limits.countInbound('100', 5000);
    expect(limits.refusal('100', 'anna', 80, 5999)).toBe(130429);
    expect(limits.refusal('100', 'anna', 80, 6000)).toBeUndefined();
  });

  it('lets one number’s load leave another number alone', () => {
    const limits = new SendLimits();
    limits.countSend('100', 'anna', 0);
    expect(limits.refusal('100', 'bert', 1, 10)).toBe(130429);
    expect(limits.refusal('200', 'bert', 1, 10)).toBeUndefined();
  });
});

describe('a pair', () => {
  it('may have 45 at once and then one in 6 s', () => {
    const limits = new SendLimits();
    const tryAt = (at: number) => {
      const code = limits.refusal('100', 'anna', 1000, at);
      if (code === undefined) limits.countSend('100', 'anna', at);
      return code;
    };
    for (let count = 0; count < PAIR_LIMIT.burst; count += 1) expect(tryAt(0)).toBeUndefined();
    expect(tryAt(0)).toBe(131056);
    expect(tryAt(5999)).toBe(131056);
    expect(tryAt(6000)).toBeUndefined();
    expect(tryAt(6001)).toBe(131056);
  });

  it('is forgotten when it has rested', () => {
    const pairs = new PairLimits();
    for (let person = 0; person < 100_000; person += 1) pairs.take(`100 ${person}`, person * 10);
    expect(pairs.size).toBeLessThan(25_000);
  });
});
