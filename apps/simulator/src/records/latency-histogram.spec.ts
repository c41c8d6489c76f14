import { LatencyHistogram } from './latency-histogram';

describe('LatencyHistogram', () => {
  it('tells percentiles at most 2 % above the truth', () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1; ms <= 1000; ms += 1) histogram.add(ms);
    const { count, p50, p99, max } = histogram.summary();
    expect([count, max]).toEqual([1000, 1000]);
    expect(p50).toBeGreaterThanOrEqual(500);
    expect(p50).toBeLessThan(511);
    expect(p99).toBeGreaterThanOrEqual(990);
    expect(p99).toBeLessThanOrEqual(1000);
  });

  it('is all zero when nothing happened', () => {
    expect(new LatencyHistogram().summary()).toEqual({ count: 0, p50: 0, p99: 0, max: 0 });
  });
});
