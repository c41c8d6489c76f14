/**
 * Where the parts of a JSON text stand, so that they can be cut out byte by byte: parsing and writing again would lose numbers
 * beyond 2^53, escapes and the order of keys. Works on a text whose characters are bytes (latin1) and which JSON.parse has accepted:
 * every sign that matters here is ASCII.
 */
export type Span = { readonly start: number; readonly end: number };

/** A value; what was looked into has its parts in order, repeated keys included. */
export type Value = Span & { readonly members?: readonly Member[]; readonly elements?: readonly Value[] };

/** From the key's opening quote to the end of the value. */
export type Member = Span & { readonly key: string; readonly value: Value };

/** What to look into, by key: an object has its members, an array the elements, which share its shape. Everything else is passed over. */
export type Shape = { readonly [key: string]: Shape };

/** The value of the whole text, read once from its beginning to its end; no deeper than the shape. */
export function scanJson(json: string, shape: Shape): Value {
  return scanValue(json, skipSpace(json, 0), shape);
}

export function textOf(json: string, { start, end }: Span): string {
  return json.slice(start, end);
}

/** The text of the last member of that name, as JSON.parse would give it; undefined when it is missing or no text. */
export function memberText(
  json: string,
  value: Pick<Value, 'members'> | undefined,
  key: string,
): string | undefined {
  const member = lastMember(value, key);
  return member === undefined ? undefined : stringAt(json, member.value);
}

/** The last member of that name: the one that JSON.parse would keep. */
export function lastMember(value: Pick<Value, 'members'> | undefined, key: string): Member | undefined {
  return value?.members?.findLast((member) => member.key === key);
}

/** A string value, unescaped; undefined when it is none. */
export function stringAt(json: string, { start, end }: Span): string | undefined {
  if (json.charCodeAt(start) !== QUOTE) return undefined;
  const raw = json.slice(start, end);
  if (PLAIN.test(raw)) return raw.slice(1, -1);
  // Its characters are bytes: back to text.
  return JSON.parse(Buffer.from(raw, 'latin1').toString('utf8')) as string;
}

const QUOTE = 34;
const OPEN_ARRAY = 91;
const OPEN_OBJECT = 123;
const CLOSE_ARRAY = 93;
const CLOSE_OBJECT = 125;
const PLAIN = /^[ -[\]-~]*$/;

function scanValue(json: string, at: number, shape: Shape | undefined): Value {
  const code = json.charCodeAt(at);
  if (shape !== undefined && code === OPEN_OBJECT) return scanObject(json, at, shape);
  if (shape !== undefined && code === OPEN_ARRAY) return scanArray(json, at, shape);
  return { start: at, end: skipValue(json, at) };
}

function scanObject(json: string, start: number, shape: Shape): Value {
  const members: Member[] = [];
  let at = skipSpace(json, start + 1);
  while (json.charCodeAt(at) !== CLOSE_OBJECT) {
    const keyEnd = skipString(json, at);
    const key = readKey(json, at, keyEnd);
    const valueStart = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const value = scanValue(json, valueStart, Object.hasOwn(shape, key) ? shape[key] : undefined);
    members.push({ key, start: at, end: value.end, value });
    at = skipSeparator(json, value.end);
  }
  return { start, end: at + 1, members };
}

/** Arrays in arrays are not looked into: how deep they go is the sender's choice. */
function scanArray(json: string, start: number, shape: Shape): Value {
  const elements: Value[] = [];
  let at = skipSpace(json, start + 1);
  while (json.charCodeAt(at) !== CLOSE_ARRAY) {
    const element =
      json.charCodeAt(at) === OPEN_OBJECT ? scanObject(json, at, shape) : scanValue(json, at, undefined);
    elements.push(element);
    at = skipSeparator(json, element.end);
  }
  return { start, end: at + 1, elements };
}

function readKey(json: string, start: number, end: number): string {
  const raw = json.slice(start, end);
  return raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
}

function skipSpace(json: string, at: number): number {
  let code = json.charCodeAt(at);
  while (code === 32 || code === 10 || code === 13 || code === 9) code = json.charCodeAt(++at);
  return at;
}

/** From the end of a value to the next one, or to the closing sign. */
function skipSeparator(json: string, at: number): number {
  const next = skipSpace(json, at);
  return json[next] === ',' ? skipSpace(json, next + 1) : next;
}

/** From the opening quote to behind the closing one. */
function skipString(json: string, start: number): number {
  let quote = json.indexOf('"', start + 1);
  while (isEscaped(json, quote)) quote = json.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(json: string, at: number): boolean {
  let slashes = 0;
  while (json.charCodeAt(at - 1 - slashes) === 92) slashes++;
  return slashes % 2 === 1;
}

/** Past one value of any kind. A loop, not a recursion: depth is the sender's choice. */
function skipValue(json: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = skipString(json, at);
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      depth++;
      at++;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      depth--;
      at++;
    } else if (depth > 0) {
      at++;
    } else {
      return skipScalar(json, at);
    }
  } while (depth > 0);
  return at;
}

function skipScalar(json: string, start: number): number {
  let at = start;
  while (at < json.length && !',]} \n\r\t'.includes(json[at] ?? '')) at++;
  return at;
}

/** The bytes of an object's member, as they are; undefined when there is none. The last of a repeated key counts, as for JSON.parse. */
export function memberBytes(json: Buffer, key: string): Buffer | undefined {
  const member = lastMember(scanJson(json.toString('latin1'), {}), key);
  return member && json.subarray(member.value.start, member.value.end);
}
