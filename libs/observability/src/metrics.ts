import { Counter, Gauge, Histogram, register } from 'prom-client';

/**
 * Metrics are declared once, in files named `*.metrics.ts`. Names follow Prometheus: `talaria_` in front, base units, `_total` for counters
 * and for nothing else. A phone number, wamid, message id or text is never a label.
 */

/** By name: all its values, which are few; or, where they are known only at run time, in words what they are and what bounds them. */
type Labels = Readonly<Record<string, readonly string[] | string>>;

type LabelsOf<L extends Labels> = Readonly<Record<keyof L & string, string>>;

export type DeclaredMetric = {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: Labels;
  readonly buckets?: readonly number[];
};

const declared: DeclaredMetric[] = [];

/** All that the modules loaded so far have declared, in that order. */
export function declaredMetrics(): readonly DeclaredMetric[] {
  return declared;
}

/** A counter whose every combination of label values that are known is there from the start, at zero. */
export function counter<L extends Labels>(name: string, help: string, labels: L): Counter<keyof L & string> {
  declared.push({ name, kind: 'counter', help, labels });
  const metric = new Counter({ name, help, labelNames: Object.keys(labels) });
  for (const combination of combinations(labels)) metric.inc(combination as LabelsOf<L>, 0);
  return metric;
}

/**
 * A gauge that is read when it is scraped: reading it must cost next to nothing.
 * @returns tells how it is read; before that it shows nothing. Again, it is read in the new way
 */
export function gauge(name: string, help: string): (read: () => number) => void {
  const showValues = gaugeOf(name, help, {});
  return (read) => showValues(() => [[{}, read()]]);
}

/** Likewise, of one value for each of what there is at the moment. */
export function gaugeOf<L extends Labels>(
  name: string,
  help: string,
  labels: L,
): (read: () => Iterable<readonly [LabelsOf<L>, number]>) => void {
  declared.push({ name, kind: 'gauge', help, labels });
  return (read) => {
    register.removeSingleMetric(name);
    new Gauge({
      name,
      help,
      labelNames: Object.keys(labels),
      collect() {
        this.reset();
        for (const [one, value] of read()) this.set(one, value);
      },
    });
  };
}

/** A histogram in seconds; of every combination of label values there from the start, at zero. */
export function histogram<L extends Labels>(
  name: string,
  help: string,
  buckets: number[],
  labels: L,
): Histogram<keyof L & string> {
  declared.push({ name, kind: 'histogram', help, labels, buckets });
  const metric = new Histogram({
    ...{ name, help, buckets },
    labelNames: Object.keys(labels),
  });
  for (const combination of combinations(labels)) metric.zero(combination);
  return metric;
}

/**
 * Bounds a label whose values are not known beforehand.
 * @returns the value itself for the first `max` that come, and `other` for all that come later
 */
export function firstOnly(max: number): (value: string) => string {
  const first = new Set<string>();
  return (value) => {
    if (first.size < max) first.add(value);
    return first.has(value) ? value : 'other';
  };
}

/** None when the values of one label are not known yet. */
function combinations(labels: Labels): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (all, [name, values]) =>
      typeof values === 'string'
        ? []
        : all.flatMap((some) => values.map((value) => ({ ...some, [name]: value }))),
    [{}],
  );
}
