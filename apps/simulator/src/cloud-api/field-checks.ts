/** What is wrong with a body: Meta's code and the sentence for `error_data.details`. */
export type Complaint = { readonly code: number; readonly details: string };

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const missing = (path: string): Complaint => ({
  code: 131008,
  details: `The parameter ${path} is required.`,
});

export const invalid = (path: string, rule: string): Complaint => ({
  code: 131009,
  details: `Parameter ${path} is not valid: it must ${rule}.`,
});

const tooLong = (path: string, max: number): Complaint => ({
  code: 100,
  details: `Param ${path} must be at most ${max} characters long.`,
});

/** Text that must be there and not be empty. */
export function requiredText(
  fields: Fields,
  key: string,
  path: string,
  max = Infinity,
): Complaint | undefined {
  const value = fields[key];
  return value === undefined || value === null || value === '' ? missing(path) : text(value, path, max);
}

/** Text that may be left out, or be empty. */
export function optionalText(
  fields: Fields,
  key: string,
  path: string,
  max = Infinity,
): Complaint | undefined {
  const value = fields[key];
  return value === undefined || value === null ? undefined : text(value, path, max);
}

function text(value: unknown, path: string, max: number): Complaint | undefined {
  if (typeof value !== 'string') return invalid(path, 'be a string');
  // Characters are counted only when UTF-16 units leave a doubt: an emoji is one character and two units.
  return value.length <= max || Array.from(value).length <= max ? undefined : tooLong(path, max);
}

/** The complaint about the first item that has one. */
export function firstComplaint<T>(
  items: readonly T[],
  check: (item: T, index: number) => Complaint | undefined,
): Complaint | undefined {
  for (const [index, item] of items.entries()) {
    const complaint = check(item, index);
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}
