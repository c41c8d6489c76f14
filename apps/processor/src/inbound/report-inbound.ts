import { randomUUID } from 'node:crypto';
import { type Sql } from '@talaria/database';
import { type Logger } from '@talaria/observability';
import { type Rows } from '../webhooks/rows';
import { countInbound, type InboundCounts, ratesOf } from './inbound-counts';

export type InboundReport = {
  /** Notes what was received; costs next to nothing. */
  count(rows: readonly Rows[]): void;
  close(): Promise<void>;
};

const EVERY_MS = 1000;

/**
 * Tells dispatchers, through the table `inbound_rates`, how much each number receives: Meta counts it against what the number may send. One
 * statement a second. What cannot be told is only logged: sending goes on, with the share that is left free for it anyway.
 */
export function reportInbound(sql: Sql, logger: Logger): InboundReport {
  const reporter = randomUUID();
  let counts: InboundCounts = new Map();
  let reported: readonly string[] = [];
  let since = performance.now();
  let underWay: Promise<void> | undefined;

  const attempt = (statement: Promise<unknown>) =>
    statement.then(
      () => undefined,
      (error: unknown) => logger.warn({ err: error }, 'the rates of what comes in could not be told'),
    );

  async function report(): Promise<void> {
    const now = performance.now();
    const rates = ratesOf(counts, reported, now - since);
    reported = [...counts.keys()];
    counts = new Map();
    since = now;
    if (rates.size > 0) await tell(rates);
  }

  async function tell(rates: ReadonlyMap<string, number>): Promise<void> {
    await sql(
      `INSERT INTO inbound_rates (phone_number_id, reporter, per_second, measured_at)
       SELECT phone_number_id, $1, per_second, now() FROM unnest($2::text[], $3::real[]) AS t (phone_number_id, per_second)
       ON CONFLICT (phone_number_id, reporter) DO UPDATE SET per_second = excluded.per_second, measured_at = excluded.measured_at`,
      [reporter, [...rates.keys()], [...rates.values()]],
    );
  }

  // What processes that are gone have left.
  underWay = attempt(
    sql(`DELETE FROM inbound_rates WHERE measured_at < now() - interval '1 minute'`),
  ).finally(() => (underWay = undefined));
  const timer = setInterval(() => {
    underWay ??= attempt(report()).finally(() => (underWay = undefined));
  }, EVERY_MS).unref();

  return {
    count: (rows) => countInbound(counts, rows, Date.now()),
    async close() {
      clearInterval(timer);
      await underWay;
    },
  };
}
