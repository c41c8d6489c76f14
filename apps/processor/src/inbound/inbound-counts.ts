import { type Rows } from '../webhooks/rows';

/** How many messages each number received since somebody asked last. */
export type InboundCounts = Map<string, number>;

const FRESH_MS = 10_000;

/**
 * Counts what comes in now. What is projected late, as after a stop, is no traffic of now.
 * @param now milliseconds since 1970
 */
export function countInbound(counts: InboundCounts, rows: readonly Rows[], now: number): void {
  for (const { forms } of rows) {
    for (const { phoneNumberId, direction, arrivedAt } of forms) {
      if (direction === 'inbound' && now - arrivedAt.getTime() < FRESH_MS)
        counts.set(phoneNumberId, (counts.get(phoneNumberId) ?? 0) + 1);
    }
  }
}

/**
 * Messages a second of each number that had any, and 0, once, of those that have fallen silent.
 * @param reported those of which something was told last time
 */
export function ratesOf(
  counts: ReadonlyMap<string, number>,
  reported: Iterable<string>,
  elapsedMs: number,
): Map<string, number> {
  const rates = new Map([...reported].map((phoneNumberId) => [phoneNumberId, 0]));
  for (const [phoneNumberId, count] of counts) rates.set(phoneNumberId, (count * 1000) / elapsedMs);
  return rates;
}
