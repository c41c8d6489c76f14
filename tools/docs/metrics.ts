import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DeclaredMetric, declaredMetrics } from '@talaria/observability';

/** Who has which metrics, by the directories in which they are declared. */
const parts: readonly { readonly title: string; readonly about: string; readonly directories: string[] }[] = [
  {
    title: 'Every process',
    about:
      "Beside these, every process has prom-client's metrics of Node itself: `process_cpu_seconds_total`, `process_resident_memory_bytes`, `nodejs_eventloop_lag_p99_seconds`, `nodejs_heap_size_used_bytes` and so on.",
    directories: ['libs/observability'],
  },
  {
    title: 'Consumers: processor and dispatcher',
    about:
      'What a member of a consumer group knows of its own partitions. Summed up over the processes it is the group.',
    directories: ['libs/kafka'],
  },
  { title: 'Connections: processor and dispatcher', about: '', directories: ['libs/database'] },
  { title: 'ingestion', about: '', directories: ['apps/ingestion', 'libs/spool'] },
  { title: 'processor', about: '', directories: ['apps/processor'] },
  { title: 'dispatcher', about: '', directories: ['apps/dispatcher'] },
];

const head = `# Metrics

Every process serves its metrics at \`/metrics\` of \`METRICS_PORT\` (default 9464), in Prometheus' text format. What they are good for is in
[monitoring.md](../monitoring.md).

Counters begin at zero with the process. Where all values of the labels are known, every series is there from the start; where a row tells of a
label in words, its series come with what they count. A name says the unit: \`_seconds\`, \`_bytes\`; all others are numbers of things. No
label ever has a person's phone, a message's id or a text.

This page is made from the code: \`UPDATE_DOCS=1 npx jest --selectProjects unit --testPathPatterns tools/docs\`.
`;

export type MetricsPart = (typeof parts)[number] & { readonly metrics: readonly DeclaredMetric[] };

/** Loads every file that declares metrics. To be called once, before any of them was loaded. */
export async function loadMetrics(): Promise<MetricsPart[]> {
  const loaded: MetricsPart[] = [];
  let told = 0;
  for (const part of parts) {
    for (const directory of part.directories) for (const file of filesOf(directory)) await import(file);
    loaded.push({ ...part, metrics: declaredMetrics().slice(told) });
    told = declaredMetrics().length;
  }
  return loaded;
}

function filesOf(directory: string): string[] {
  const root = join(__dirname, '../..', directory, 'src');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.metrics.ts'))
    .sort()
    .map((file) => join(root, file));
}

/** The reference of all metrics. */
export function metricsPage(loaded: readonly MetricsPart[]): string {
  return [head, ...loaded.map(sectionOf)].join('\n');
}

function sectionOf({ title, about, metrics }: MetricsPart): string {
  const rows = metrics.map(
    ({ name, kind, help, labels, buckets }) =>
      `| \`${name}\` | ${kind} | ${unitOf(name)} | ${labelsOf(labels)} | ${escape(help)}${buckets === undefined ? '' : `. Boundaries: ${buckets.join(', ')}`} |`,
  );
  return [
    ...[`## ${title}`, '', ...(about === '' ? [] : [about, ''])],
    ...['| metric | kind | unit | labels | |', '| --- | --- | --- | --- | --- |', ...rows, ''],
  ].join('\n');
}

/** As Prometheus wants it, the name ends with it. */
function unitOf(name: string): string {
  if (name.endsWith('_timestamp_seconds')) return 'seconds since 1970';
  const [, unit] = /_(seconds|bytes)(_total)?$/.exec(name) ?? [];
  return unit ?? 'count';
}

/** Of very many values only some are shown. */
const MOST = 16;

function labelsOf(labels: DeclaredMetric['labels']): string {
  const all = Object.entries(labels).map(([name, values]) => {
    if (typeof values === 'string') return `\`${name}\`: ${escape(values)}`;
    const shown =
      values.length > MOST ? [...values.slice(0, 3), `… (${values.length})`, ...values.slice(-3)] : values;
    return `\`${name}\`: ${shown.map((value) => (value.startsWith('…') ? value : `\`${value}\``)).join(', ')}`;
  });
  return all.length === 0 ? '–' : all.join('; ');
}

const escape = (text: string) => text.replaceAll('|', '\\|');
