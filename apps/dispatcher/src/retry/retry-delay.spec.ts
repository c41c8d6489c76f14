import { heldUntil, retryDelay } from './retry-delay';

const policy = { schedule: [1000, 2000, 30_000], jitterPercent: 25 };

it.each([
  [1, 0, 1000],
  [1, 0.5, 1125],
  [2, 0.999, 2500],
  [3, 0, 30_000],
  [4, 0, undefined],
  [100, 0, undefined],
])('after %i failed attempts with chance %d it waits %s ms', (attempts, random, delay) => {
  expect(retryDelay(attempts, policy, random)).toBe(delay);
});

it('a retry topic holds a record until it is due, jitter and all', () => {
  expect(heldUntil(37_500, 0, 30_000)).toBe(37_500);
});

it('a record that is due much later does not hold those behind it until then', () => {
  expect(heldUntil(299_000, 0, 30_000)).toBe(60_000);
});
