import { availableAt, type Limit, RESTED, take } from '@talaria/rate-limit';
import fc from 'fast-check';
import { numberLimit } from './number-limit';

const limitOf = (fields: Partial<Parameters<typeof numberLimit>[0]>) =>
  numberLimit({ messagesPerSecond: 80, inboundPerSecond: 0, percent: 90, share: 1, ...fields });
const rateOf = ({ intervalMs }: Limit) => Math.round(1e6 / intervalMs) / 1000;

it.each([
  [{}, 72],
  [{ percent: 100 }, 80],
  [{ inboundPerSecond: 5 }, 72],
  [{ inboundPerSecond: 30 }, 50],
  [{ inboundPerSecond: 79.5 }, 4],
  [{ inboundPerSecond: 500 }, 4],
  [{ inboundPerSecond: 30, share: 0.5 }, 25],
  [{ messagesPerSecond: 1000, inboundPerSecond: 400 }, 600],
  [{ messagesPerSecond: 0 }, 0.9],
  [{ messagesPerSecond: -5 }, 0.9],
  [{ messagesPerSecond: 2_000_000_000 }, 900],
])('%j: at most %d a second', (fields, rate) => {
  expect(rateOf(limitOf(fields))).toBe(rate);
});

it('what comes in and what goes out are together never more in any second than Meta allows', () => {
  const numbers = fc.record({
    messagesPerSecond: fc.integer({ min: 1, max: 1000 }),
    inboundPart: fc.double({ min: 0, max: 0.95, noNaN: true }),
    percent: fc.integer({ min: 1, max: 100 }),
    share: fc.double({ min: 1 / 64, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(numbers, ({ inboundPart, ...number }) => {
      const inboundPerSecond = Math.floor(number.messagesPerSecond * inboundPart);
      const limit = numberLimit({ ...number, inboundPerSecond });
      // The most that can be had: its burst after a rest, and then each one as soon as it may go.
      let taken = RESTED;
      let count = 0;
      // A hair less than a second, for what floating point adds up to.
      for (let now = 0; now < 1000 - 1e-6; now = Math.max(now, availableAt(taken, limit))) {
        taken = take(taken, limit, now);
        count++;
      }
      expect(count + inboundPerSecond).toBeLessThanOrEqual(number.messagesPerSecond);
    }),
  );
});
