/** Reading of JSON that may be of any shape, into what Postgres takes. */
export type Fields = Readonly<Record<string, unknown>>;

export function parse(json: Buffer): unknown {
  return JSON.parse(json.toString('utf8'));
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Text as Postgres gives it back: it takes no NUL, and half a surrogate pair would be replaced on the way. The raw bytes keep both. */
export function clean(value: string): string {
  return UNCLEAN.test(value)
    ? value.replaceAll('\u0000', '\uFFFD').replace(/\p{Surrogate}/gu, '\uFFFD')
    : value;
}

const UNCLEAN = /[\u0000\ud800-\udfff]/;

export function cleanOrNull(value: string | undefined): string | null {
  return value === undefined ? null : clean(value);
}

/** @returns null for what is no text, or empty */
export function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? clean(value) : null;
}

/** A label that may come as text or number. */
export function label(value: unknown): string | null {
  return typeof value === 'number' ? String(value) : text(value);
}

export function wholeNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value : null;
}

const EARLIEST_MS = Date.UTC(2009, 0);
const LATEST_MS = Date.UTC(2100, 0);

/** Meta's seconds, as text or number; values of 10^12 and more are milliseconds. Null for what cannot be a time. */
export function time(value: unknown): Date | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const number = Number(value);
  const ms = number >= 1e12 ? number : number * 1000;
  return isPlausible(ms) ? new Date(ms) : null;
}

/** Whether these milliseconds since 1970 can be a time at which something happened. */
export function isPlausible(ms: number): boolean {
  return ms >= EARLIEST_MS && ms < LATEST_MS;
}

/** An index holds no more; the raw bytes keep what is longer. */
const MAX_IDENTITY = 256;

/** A phone as its digits, without the signs that people put around them; null for anything else. */
export function phone(value: unknown): string | null {
  const digits = typeof value === 'string' ? value.replace(/[\s+()./-]/g, '') : '';
  return /^\d+$/.test(digits) && digits.length <= MAX_IDENTITY ? digits : null;
}

export function userIdOf(value: unknown): string | null {
  const id = text(value)?.trim() ?? '';
  return id !== '' && id.length <= MAX_IDENTITY ? id : null;
}
