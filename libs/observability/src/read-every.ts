import { setTimeout as delay } from 'node:timers/promises';
import { type Logger } from './logger';

/**
 * Reads figures for the metrics at a pace of their own, so that a scrape asks nobody; the first time at once. What cannot be read is logged, and
 * keeps its last figure.
 */
export function readEvery(
  ms: number,
  read: () => Promise<void>,
  logger: Logger,
): { /** Waits for the reading under way. */ close(): Promise<void> } {
  const closing = new AbortController();
  const reading = (async () => {
    while (!closing.signal.aborted) {
      await read().catch((error: unknown) =>
        logger.warn({ err: error }, 'figures for the metrics could not be read'),
      );
      await delay(ms, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
    }
  })();
  return {
    close: async () => {
      closing.abort();
      await reading;
    },
  };
}
