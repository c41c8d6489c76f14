import { register } from 'prom-client';
import { counter, declaredMetrics, firstOnly, gauge, gaugeOf, histogram } from './metrics';

afterEach(() => register.clear());

describe('metrics', () => {
  it('are there from the start, at zero, for every combination of labels', async () => {
    counter('talaria_test_total', 'test', { kind: ['a', 'b'], result: ['ok', 'bad'] });
    const text = await register.getSingleMetricAsString('talaria_test_total');
    for (const labels of [
      'kind="a",result="ok"',
      'kind="a",result="bad"',
      'kind="b",result="ok"',
      'kind="b",result="bad"',
    ]) {
      expect(text).toContain(`talaria_test_total{${labels}} 0`);
    }
  });

  it('of a histogram are there from the start, too', async () => {
    histogram('talaria_test_seconds', 'test', [1], { status: ['sent', 'read'] });
    const text = await register.getSingleMetricAsString('talaria_test_seconds');
    expect(text).toContain('talaria_test_seconds_count{status="sent"} 0');
    expect(text).toContain('talaria_test_seconds_bucket{le="1",status="read"} 0');
  });

  it('with a label whose values nobody knows yet come with the first', async () => {
    const metric = counter('talaria_test_total', 'test', { app: 'an app', result: ['ok', 'bad'] });
    expect((await metric.get()).values).toEqual([]);
    metric.inc({ app: '1', result: 'ok' });
    expect((await metric.get()).values).toEqual([{ labels: { app: '1', result: 'ok' }, value: 1 }]);
  });

  it('of a gauge are read when they are asked for, and show nothing before it is known how', async () => {
    let depth = 1;
    const showDepth = gauge('talaria_test_depth', 'test');
    expect(await register.metrics()).not.toContain('talaria_test_depth');
    showDepth(() => depth);
    depth = 7;
    expect(await register.getSingleMetricAsString('talaria_test_depth')).toContain('talaria_test_depth 7');
  });

  it('of a gauge show what there is now, and nothing of what there was', async () => {
    let lanes = [[{ lane: '1' }, 5] as const, [{ lane: '2' }, 6] as const];
    gaugeOf('talaria_test_lanes', 'test', { lane: 'a lane' })(() => lanes);
    expect(await register.getSingleMetricAsString('talaria_test_lanes')).toContain('{lane="2"} 6');
    lanes = lanes.slice(0, 1);
    const text = await register.getSingleMetricAsString('talaria_test_lanes');
    expect(text).toContain('talaria_test_lanes{lane="1"} 5');
    expect(text).not.toContain('lane="2"');
  });

  it('are known by what was declared, whether or not they show anything yet', () => {
    gauge('talaria_test_later', 'what it is');
    expect(declaredMetrics()).toContainEqual({
      ...{ name: 'talaria_test_later', kind: 'gauge', help: 'what it is', labels: {} },
    });
  });

  it('keep to a bound of labels: who comes later is counted together', () => {
    const label = firstOnly(2);
    expect(['a', 'b', 'a', 'c', 'b', 'd'].map(label)).toEqual(['a', 'b', 'a', 'other', 'b', 'other']);
    expect(firstOnly(0)('a')).toBe('other');
  });
});
