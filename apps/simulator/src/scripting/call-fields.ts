import { isFields, type Fields } from '../cloud-api/field-checks';
import { type Range } from '../random';

/** A scripting call that cannot be meant as it stands. Its message says what to change. */
export class WrongCall extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WrongCall';
  }
}

/**
 * Reads the fields of a JSON object one by one, and afterwards refuses what nobody asked for: a misspelt setting must
 * not be a setting that silently does nothing.
 * @throws {WrongCall} from every method, naming the field
 */
export class CallFields {
  private readonly asked = new Set<string>();

  private constructor(
    private readonly fields: Fields,
    private readonly path: string,
  ) {}

  /** Reads a request body; `read` gets its fields. */
  static read<T>(body: unknown, read: (fields: CallFields) => T): T {
    return new CallFields(parsed(body), '').all(read);
  }

  has(key: string): boolean {
    this.asked.add(key);
    return this.fields[key] !== undefined;
  }

  any(key: string): unknown {
    this.asked.add(key);
    return this.fields[key];
  }

  text(key: string, form?: RegExp, expected = 'text that is not empty'): string {
    const value = this.any(key);
    const fits = typeof value === 'string' && value !== '' && (form?.test(value) ?? true);
    return fits ? value : this.wrong(key, expected);
  }

  number(key: string, min: number, max: number): number {
    const value = this.any(key);
    const fits = typeof value === 'number' && value >= min && value <= max;
    return fits ? value : this.wrong(key, `a number from ${min} to ${max}`);
  }

  integer(key: string, min: number, max: number): number {
    const value = this.number(key, min, max);
    return Number.isInteger(value) ? value : this.wrong(key, `a whole number from ${min} to ${max}`);
  }

  boolean(key: string): boolean {
    const value = this.any(key);
    return typeof value === 'boolean' ? value : this.wrong(key, 'true or false');
  }

  /** `[min, max]` in milliseconds. */
  range(key: string): Range {
    const value = this.any(key);
    const [min, max, ...rest] = Array.isArray(value) ? (value as unknown[]) : [];
    const fits =
      typeof min === 'number' && typeof max === 'number' && 0 <= min && min <= max && rest.length === 0;
    return fits ? [min, max] : this.wrong(key, 'two numbers of milliseconds, [min, max]');
  }

  /** One or more texts out of `choices`. */
  listOf<T extends string>(key: string, choices: readonly T[]): [T, ...T[]] {
    const value = this.any(key);
    const items = Array.isArray(value) ? (value as unknown[]) : [];
    const known = items.map((item) => choices.find((choice) => choice === item));
    const [first, ...rest] = known.filter((choice) => choice !== undefined);
    return first === undefined || rest.length + 1 < items.length
      ? this.wrong(key, `an array of one or more of: ${choices.join(', ')}`)
      : [first, ...rest];
  }

  object<T>(key: string, read: (fields: CallFields) => T): T {
    const value = this.any(key);
    if (!isFields(value)) return this.wrong(key, 'an object');
    return new CallFields(value, `${this.path}${key}.`).all(read);
  }

  /** What `read` makes of the field when it is there. */
  optional<T, D>(key: string, otherwise: D, read: () => T): T | D {
    return this.has(key) ? read() : otherwise;
  }

  /** As `optional`, but null may be given too and stays null. */
  nullable<T, D>(key: string, otherwise: D, read: () => T): T | D | null {
    return this.any(key) === null ? null : this.optional(key, otherwise, read);
  }

  wrong(key: string, expected: string): never {
    throw new WrongCall(`${this.path}${key} must be ${expected}`);
  }

  private all<T>(read: (fields: CallFields) => T): T {
    const result = read(this);
    const unknown = Object.keys(this.fields).filter((key) => !this.asked.has(key));
    if (unknown.length > 0) {
      const names = unknown.map((key) => this.path + key).join(', ');
      throw new WrongCall(`unknown: ${names}; known here: ${[...this.asked].join(', ')}`);
    }
    return result;
  }
}

/** An empty body counts as an object without fields. */
function parsed(body: unknown): Fields {
  if (typeof body !== 'string' || body === '') return {};
  try {
    const value: unknown = JSON.parse(body);
    if (isFields(value)) return value;
  } catch {
    // Said below, as for JSON that is not an object.
  }
  throw new WrongCall('the body must be a JSON object');
}
