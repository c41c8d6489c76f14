/**
 * What a database error asks for.
 * `unavailable`: wait, the same will work later · `conflict`: two transactions met, try again at once · `data`: this content will never be accepted · `bug`: none of these
 */
export type DatabaseFault = 'unavailable' | 'conflict' | 'data' | 'bug';

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

/** By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html */
export function classifyDatabaseError(error: unknown): DatabaseFault {
  const { code, message = '' } = error as { code?: string; message?: string };
  if (code === undefined) return /connection|timeout|terminated/i.test(message) ? 'unavailable' : 'bug';
  if (NETWORK.has(code)) return 'unavailable';
  if (code === '40001' || code === '40P01') return 'conflict';
  // 08 connection, 53 resources, 57 operator intervention (shutdown, statement timeout), 25P03/25006: idle or read-only after a failover
  if (/^(08|53|57|58)/.test(code) || code === '25P03' || code === '25006') return 'unavailable';
  // 22 data exception, 23 constraint, 54 too large
  return /^(22|23|54)/.test(code) ? 'data' : 'bug';
}
