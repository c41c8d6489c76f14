import { register } from 'prom-client';
import { showQueues } from './show-queues';

const numbers = Array.from({ length: 1000 }, (_, index) => String(1000 + index));

describe('what waits', () => {
  it('is shown of the numbers with most of it, and of no others', async () => {
    const queues = new Map(
      numbers.map((number, index) => [number, { depth: index, rest: index > 997 ? 1 : 0 }]),
    );
    const since = Date.now() - 90_000;
    const oldest = new Map(numbers.map((number, index) => [number, since - (index === 998 ? 60_000 : 0)]));
    showQueues({ depth: 2, queues: () => queues }, () => oldest, 200);
    const depths = (await register.getSingleMetricAsString('talaria_dispatch_queue_depth')).split('\n');
    const series = depths.filter((line) => line.startsWith('talaria_'));
    expect(series).toHaveLength(200);
    expect(series).toContain('talaria_dispatch_queue_depth{phone_number_id="1999"} 999');
    expect(series).toContain('talaria_dispatch_queue_depth{phone_number_id="1800"} 800');
    const ages = await register.getSingleMetricAsString('talaria_dispatch_queue_oldest_seconds');
    expect(ages.match(/^talaria_/gm)).toHaveLength(200);
    expect(Number(/{phone_number_id="1999"} (.*)/.exec(ages)?.[1])).toBeCloseTo(90, 0);
    const age = await register.getSingleMetricAsString('talaria_dispatch_backlog_oldest_seconds');
    expect(Number(/^talaria_\S+ (.*)/m.exec(age)?.[1])).toBeCloseTo(150, 0);
    expect(await register.getSingleMetricAsString('talaria_dispatch_backlog')).toContain(
      'talaria_dispatch_backlog 2',
    );
  });

  it('has no age where nothing waits', async () => {
    showQueues({ depth: 0, queues: () => new Map() }, () => new Map(), 200);
    expect(await register.getSingleMetricAsString('talaria_dispatch_backlog_oldest_seconds')).toContain(
      '_seconds 0',
    );
    expect(await register.getSingleMetricAsString('talaria_dispatch_queue_depth')).not.toContain('{');
  });
});
