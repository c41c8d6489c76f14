import { register } from 'prom-client';
import { counter, gauge, histogram, startMetricsServer } from './metrics';

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

  it('of a gauge are read when they are asked for', async () => {
    let depth = 1;
    gauge('talaria_test_depth', 'test', () => depth);
    depth = 7;
    expect(await register.getSingleMetricAsString('talaria_test_depth')).toContain('talaria_test_depth 7');
  });

  it('are served at /metrics and nowhere else', async () => {
    histogram('talaria_test_seconds', 'test', [0.1, 1]).observe(0.05);
    const server = await startMetricsServer(0);
    const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
    const answer = await get('/metrics');
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(await answer.text()).toContain('talaria_test_seconds_bucket{le="0.1"} 1');
    expect((await get('/')).status).toBe(404);
    await server.close();
  });
});
