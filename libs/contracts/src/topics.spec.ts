import { retryTopicFor } from './topics';

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
