import { EnvError, makeExactValidator } from 'envalid';

/**
 * The kinds of settings. Each takes envalid's options: `default` makes a setting optional, `desc` says what the
 * value should be, and is shown when it is missing or wrong. A value is never repeated in an error: it may be a secret.
 */

const invalid = (expected: string): never => {
  throw new EnvError(expected);
};

/** A whole number within the given bounds. */
export const integer = (min: number, max: number) =>
  makeExactValidator<number>((input) => {
    const value = Number(input);
    const fits = /^-?\d+$/.test(input.trim()) && value >= min && value <= max;
    return fits ? value : invalid(`must be a whole number from ${min} to ${max}`);
  });

export const port = integer(0, 65_535);

/** Any text that is not empty. */
export const text = makeExactValidator<string>((input) => input);

/** What a function makes of the text. The message of what it throws is the fault: it must not repeat the text, which may be a secret. */
export const parsed = <T>(parse: (input: string) => T) =>
  makeExactValidator<T>((input) => {
    try {
      return parse(input);
    } catch (error) {
      return invalid(error instanceof Error ? error.message : 'cannot be read');
    }
  });

/** Text of a given form; `expected` completes the sentence "must be …". */
export const pattern = (form: RegExp, expected: string) =>
  makeExactValidator<string>((input) => (form.test(input) ? input : invalid(`must be ${expected}`)));

export const httpUrl = makeExactValidator<string>((input) => {
  if (!URL.canParse(input) || !/^https?:$/.test(new URL(input).protocol)) {
    invalid('must be a URL that begins with http:// or https://');
  }
  return input.replace(/\/+$/, '');
});

const SSL_MODES: readonly string[] = ['disable', 'require', 'verify-ca', 'verify-full'];

/** Where a database is; what of TLS it asks for is in `sslmode`. */
export const postgresUrl = makeExactValidator<string>((input) => {
  if (!URL.canParse(input) || !/^postgres(ql)?:$/.test(new URL(input).protocol)) {
    invalid('must be a URL like postgres://user:password@host:5432/database');
  }
  const { searchParams } = new URL(input);
  const modes = searchParams.getAll('sslmode');
  if (modes.length > 1 || !modes.every((mode) => SSL_MODES.includes(mode)))
    invalid(`must have one sslmode: ${SSL_MODES.join(', ')}`);
  // Taken by the driver in ways of its own, past what sslmode says.
  if ([...searchParams.keys()].some((name) => name !== 'sslmode' && /^(ssl|uselibpqcompat)/.test(name)))
    invalid('must not have parameters of TLS beside sslmode: certificates are given as DATABASE_SSL_CA');
  return input;
});

/** One of a few words. */
export const oneOf = <T extends string>(...words: readonly T[]) =>
  makeExactValidator<T>(
    (input) => words.find((word) => word === input) ?? invalid(`must be one of ${words.join(', ')}`),
  );

/** Comma-separated texts; `max` bounds their count. */
export const list = (max = Infinity) =>
  makeExactValidator<readonly string[]>((input) => {
    const items = input
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    if (items.length === 0) invalid('must name at least one');
    if (items.length > max) invalid(`must name at most ${max}`);
    return items;
  });

/** Comma-separated `host:port` pairs. */
export const addresses = makeExactValidator<readonly string[]>((input) => {
  const items = input.split(',').map((item) => item.trim());
  const fits = items.every((item) => /^[^\s:]+:\d{1,5}$/.test(item));
  return fits ? items : invalid('must be comma-separated host:port pairs, like kafka-1:9092,kafka-2:9092');
});

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `"1500ms"`, `"30s"`, `"5m"`, `"1h"`, `"90d"` in milliseconds; undefined when it is none of these. */
export function parseDuration(input: string): number | undefined {
  const [, amount, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(input.trim()) ?? [];
  return amount === undefined || unit === undefined ? undefined : Number(amount) * (units[unit] ?? 1);
}

/** A duration such as `500ms`, `30s`, `5m` or `1h`, read as milliseconds. */
export const duration = (minMs = 0, maxMs = Infinity) =>
  makeExactValidator<number>((input) => {
    const value = parseDuration(input);
    if (value === undefined) return invalid('must be a duration like 500ms, 30s, 5m or 1h');
    return value >= minMs && value <= maxMs ? value : invalid(`must be from ${minMs} ms to ${maxMs} ms`);
  });

/** Durations in the order in which they are used, separated by spaces or commas, read as milliseconds. */
export const durations = makeExactValidator<readonly number[]>((input) => {
  const values = input
    .split(/[\s,]+/)
    .filter((item) => item !== '')
    .map(parseDuration);
  const known = values.filter((value) => value !== undefined);
  if (values.length === 0 || known.length < values.length)
    invalid('must be durations like "1s 2s 4s 30s 5m 1h"');
  return known;
});

/** A moment such as `2027-01-31T08:00:00Z`, read as milliseconds since 1970. */
export const moment = makeExactValidator<number>((input) => {
  const hasForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(input);
  const value = hasForm ? Date.parse(input) : NaN;
  return Number.isNaN(value) ? invalid('must be a moment with its zone, like 2027-01-31T08:00:00Z') : value;
});

const sizes: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/** A size such as `64KiB`, `512MiB` or `1GiB`, read as bytes. */
export const bytes = makeExactValidator<number>((input) => {
  const [, amount, unit] = /^([1-9]\d{0,5})(KiB|MiB|GiB|TiB)$/.exec(input.trim()) ?? [];
  if (amount === undefined || unit === undefined) return invalid('must be a size like 64KiB, 512MiB or 1GiB');
  return Number(amount) * (sizes[unit] ?? 1);
});
