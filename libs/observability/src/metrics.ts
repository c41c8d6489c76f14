import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { collectDefaultMetrics, Counter, Gauge, Histogram, register } from 'prom-client';

/**
 * Metrics are declared once, where they are used, at module level. Names follow Prometheus: `talaria_` in front, base units,
 * `_total` for counters. A label's values are few and known; a phone number, wamid or message id is never one.
 */

type Labels = Readonly<Record<string, readonly string[]>>;

/** A counter whose every combination of label values is there from the start, at zero. */
export function counter<L extends Labels>(name: string, help: string, labels: L): Counter<keyof L & string> {
  const names = Object.keys(labels) as (keyof L & string)[];
  const metric = new Counter({ name, help, labelNames: names });
  for (const combination of combinations(labels))
    metric.inc(combination as Record<keyof L & string, string>, 0);
  return metric;
}

/** A gauge read when it is scraped. */
export function gauge(name: string, help: string, read: () => number): Gauge {
  return new Gauge({
    name,
    help,
    collect() {
      this.set(read());
    },
  });
}

/** A gauge of one value for each of what there is at the moment, read when it is scraped. */
export function gaugeOf(
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [string, number]>,
): Gauge {
  return new Gauge({
    name,
    help,
    labelNames: [label],
    collect() {
      this.reset();
      for (const [one, value] of read()) this.set({ [label]: one }, value);
    },
  });
}

/** A histogram in seconds. */
export function histogram(name: string, help: string, buckets: number[]): Histogram {
  return new Histogram({ name, help, buckets });
}

function combinations(labels: Labels): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (all, [name, values]) => all.flatMap((some) => values.map((value) => ({ ...some, [name]: value }))),
    [{}],
  );
}

/**
 * Serves `GET /metrics` on a port of its own, so that it is never routed publicly.
 * @returns the port that it listens on (useful with port 0) and how to close it
 */
export async function startMetricsServer(port: number): Promise<{ port: number; close(): Promise<void> }> {
  collectDefaultMetrics();
  const server: Server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    register.metrics().then(
      (body) => response.writeHead(200, { 'content-type': register.contentType }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
