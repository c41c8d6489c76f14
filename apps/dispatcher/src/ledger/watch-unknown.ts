import { type Sql } from '@talaria/database';
import { type Logger, readEvery } from '@talaria/observability';
import { showUnknown, showUnknownOldest } from '../dispatch/dispatch.metrics';

const EVERY_MS = 15_000;

/** Shows in the metrics of how many commands nobody knows whether Meta took them, and since when. */
export function watchUnknown(sql: Sql, logger: Logger, everyMs = EVERY_MS): { close(): Promise<void> } {
  return readEvery(
    everyMs,
    async () => {
      const [row] = await sql<{ count: number; since: Date | null }>(
        `SELECT count(*)::integer AS count, min(unknown_since) AS since FROM dispatch_commands WHERE unknown_since IS NOT NULL`,
      );
      if (row === undefined) return;
      const { count, since } = row;
      showUnknown(() => count);
      showUnknownOldest(() => (since === null ? 0 : Math.max(0, (Date.now() - since.getTime()) / 1000)));
    },
    logger,
  );
}
