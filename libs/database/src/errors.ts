import { isTlsCode } from './address';

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
  const { code, name, message } = (error ?? {}) as { code?: unknown; name?: unknown; message?: unknown };
  // The connection broke inside of a transaction: TypeORM gave it back to the pool.
  if (name === 'QueryRunnerAlreadyReleasedError') return 'unavailable';
  if (code === undefined)
    return /connection|timeout|terminated/i.test(String(message)) ? 'unavailable' : 'bug';
  if (typeof code !== 'string') return 'bug';
  // It is not trusted now: its certificate has expired, or it is not the one.
  if (NETWORK.has(code) || isTlsCode(code)) return 'unavailable';
  // The month was detached after this transaction had looked which are kept.
  if (isMonthMissing(error)) return 'conflict';
  return /^[0-9A-Z]{5}$/.test(code) ? classifySqlState(code) : 'bug';
}

/** There is no partition for a row. Postgres has no code of its own for it, and its text is in the server's language. */
export function isMonthMissing(error: unknown): boolean {
  const { code, routine } = (error ?? {}) as { code?: unknown; routine?: unknown };
  return code === '23514' && routine === 'ExecFindPartition';
}

/** A statement was ended because it took too long; or somebody has cancelled it. Waiting for a lock ends otherwise: see `createDataSource`. */
export function isStatementTimeout(error: unknown): boolean {
  return ((error ?? {}) as { code?: unknown }).code === '57014';
}

function classifySqlState(code: string): DatabaseFault {
  if (code === '40001' || code === '40P01') return 'conflict';
  // 08 connection, 53 resources, 57 operator intervention (shutdown, statement timeout), 58 system, 55000: takes no connections now,
  // 55P03: waited too long for a lock, 25P03 and 25006: idle or read-only after a failover
  if (/^(08|53|57|58)/.test(code) || ['55000', '55P03', '25P03', '25006'].includes(code))
    return 'unavailable';
  // 22 data exception, 23 constraint, 54 too large
  return /^(22|23|54)/.test(code) ? 'data' : 'bug';
}
