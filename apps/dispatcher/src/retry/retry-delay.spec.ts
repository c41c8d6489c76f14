import { heldUntil, retryDelay, retryTopicFor } from './retry-delay';

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

it.each([
  [0, '30s'],
  [12_000, '30s'],
  [30_000, '30s'],
  [299_999, '30s'],
  [300_000, '5m'],
  [3_599_999, '5m'],
  [3_600_000, '1h'],
  [86_400_000, '1h'],
])('a delay of %i ms is for the topic of %s', (delay, tier) => {
  expect(retryTopicFor(delay).name).toBe(`whatsapp.outbound.retry-${tier}`);
});

it('a retry topic holds a record until it is due, jitter and all', () => {
  expect(heldUntil(37_500, 0, 30_000)).toBe(37_500);
});

it('a record that is due much later does not hold those behind it until then', () => {
  expect(heldUntil(299_000, 0, 30_000)).toBe(60_000);
});
