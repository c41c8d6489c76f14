import { type Sql } from '@talaria/database';
import { type Logger, readEvery } from '@talaria/observability';
import { qualities, type Quality, showQualities } from './accounts/accounts.metrics';
import { showExpected, showMissing } from './messages/messages.metrics';

const EVERY_MS = 60_000;

/**
 * Shows in the metrics what only the read model knows.
 * @param sql on what is public
 */
export function watchFigures(sql: Sql, logger: Logger, everyMs = EVERY_MS): { close(): Promise<void> } {
  return readEvery(
    everyMs,
    async () => {
      await readQualities(sql);
      await readStatuses(sql);
    },
    logger,
  );
}

async function readQualities(sql: Sql): Promise<void> {
  const rows = await sql<{ quality: string; count: number }>(
    `SELECT lower(quality_event) AS quality, count(*)::integer AS count FROM numbers WHERE quality_event IS NOT NULL GROUP BY 1`,
  );
  const counts = new Map<Quality, number>(qualities.map((quality) => [quality, 0]));
  for (const row of rows) {
    const quality = qualities.find((known) => known === row.quality) ?? 'other';
    counts.set(quality, (counts.get(quality) ?? 0) + row.count);
  }
  showQualities(() => [...counts].map(([quality, count]) => [{ quality }, count] as const));
}

/** A sample: of commands by the time of their state, whose index is small, and of each its message by the index of commands. */
async function readStatuses(sql: Sql): Promise<void> {
  const [row] = await sql<{ expected: number; missing: number }>(
    `WITH looked AS (
       SELECT command_id, waba_id FROM commands
       WHERE state = 'accepted' AND state_at BETWEEN now() - interval '30 minutes' AND now() - interval '15 minutes' LIMIT 5000)
     SELECT count(*)::integer AS expected, count(*) FILTER (WHERE NOT EXISTS (
       SELECT FROM messages AS m WHERE m.command_id = looked.command_id AND m.waba_id = looked.waba_id
         AND m.month >= date_trunc('month', now() - interval '1 hour')::date AND m.status <> 'accepted'))::integer AS missing
     FROM looked`,
  );
  if (row === undefined) return;
  showExpected(() => row.expected);
  showMissing(() => row.missing);
}
