import { addMonths, inTransaction } from '@talaria/database';
import { type DataSource } from 'typeorm';

const known = new WeakMap<DataSource, Set<string>>();

/**
 * Makes the partitions that are missing, before the transaction that needs them; none for months that are let go. What this process has seen
 * once is not asked for again.
 */
export async function ensureMonths(dataSource: DataSource, months: Iterable<string>): Promise<void> {
  const seen = known.get(dataSource) ?? new Set();
  known.set(dataSource, seen);
  const missing = [...new Set(months)].filter((month) => !seen.has(month)).sort();
  if (missing.length === 0) return;
  await inTransaction(dataSource, (sql) => addMonths(sql, missing));
  for (const month of missing) seen.add(month);
}

/** Somebody has taken a partition away that was seen. */
export function forgetMonths(dataSource: DataSource): void {
  known.delete(dataSource);
}
