import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadMetrics, metricsPage, type MetricsPart } from './metrics';

const file = join(__dirname, '../../docs/reference/metrics.md');
const withoutSpace = (text: string) => text.replace(/ +/g, ' ').replace(/-{2,}/g, '--');

describe('the metrics', () => {
  let loaded: readonly MetricsPart[];
  beforeAll(async () => {
    loaded = await loadMetrics();
  });
  const metrics = () => loaded.flatMap((part) => part.metrics);

  it('are in the reference as the code declares them (UPDATE_DOCS=1 rewrites the page)', () => {
    const page = metricsPage(loaded);
    if (process.env.UPDATE_DOCS === '1') writeFileSync(file, page);
    expect(withoutSpace(readFileSync(file, 'utf8'))).toBe(withoutSpace(page));
  });

  it('are each declared once, and every part has some', () => {
    const names = metrics().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(loaded.filter((part) => part.metrics.length === 0)).toEqual([]);
  });

  it('have names as Prometheus wants them, and say what they are', () => {
    const faults = metrics().flatMap(({ name, kind, help, labels, buckets }) => [
      ...(/^talaria(_[a-z]+)+$/.test(name) ? [] : [`${name}: not snake case after talaria_`]),
      ...(name.endsWith('_total') === (kind === 'counter') ? [] : [`${name}: _total is for counters`]),
      ...(/_(count|sum|bucket|milliseconds|ms|minutes|kb|percent)(_|$)/.test(name)
        ? [`${name}: not a base unit, or a suffix that histograms make`]
        : []),
      ...(kind === 'histogram' && !name.endsWith('_seconds') ? [`${name}: a histogram of seconds`] : []),
      ...(help.length < 10 || /[.\s]$/.test(help) ? [`${name}: help is a line without an end`] : []),
      ...((buckets ?? []).some((bound, index, all) => bound <= (all[index - 1] ?? 0))
        ? [`${name}: boundaries grow`]
        : []),
      ...Object.keys(labels)
        .filter((label) => !/^[a-z]+(_[a-z]+)*$/.test(label) || ['le', 'job', 'instance'].includes(label))
        .map((label) => `${name}: label ${label}`),
    ]);
    expect(faults).toEqual([]);
  });

  /** More, and what is scraped every few seconds grows out of hand. */
  it('have few series of which the number is known, and name what bounds all others', () => {
    const seriesOf = (labels: MetricsPart['metrics'][number]['labels']) =>
      Object.values(labels).reduce(
        (all, values) => all * (typeof values === 'string' ? 1 : values.length),
        1,
      );
    const open = metrics().flatMap(({ labels }) =>
      Object.entries(labels).flatMap(([label, values]) => (typeof values === 'string' ? [label] : [])),
    );
    expect(metrics().filter(({ labels }) => seriesOf(labels) > 100)).toEqual([]);
    // A scrape takes time by its series: all that are known, and what the cap lets in, of a histogram each boundary, and two more.
    const CAP = 200;
    for (const { metrics: ofPart } of loaded) {
      const all = ofPart.map(({ labels, buckets = [] }) => {
        const isCapped = 'waba_id' in labels || 'phone_number_id' in labels;
        return seriesOf(labels) * (buckets.length === 0 ? 1 : buckets.length + 3) * (isCapped ? CAP + 1 : 1);
      });
      expect(all.reduce((sum, one) => sum + one, 0)).toBeLessThan(2000);
    }
    expect(new Set(open)).toEqual(
      new Set(['version', 'group', 'topic', 'app', 'waba_id', 'phone_number_id']),
    );
  });
});
