/**
 * Where the parts of a JSON text stand, so that they can be cut out byte by byte: parsing and writing again would lose numbers
 * beyond 2^53, escapes and the order of keys. Works on a text whose characters are bytes (latin1) and which JSON.parse has accepted:
 * every sign that matters here is ASCII.
 */
export type Span = { readonly start: number; readonly end: number };

export type Member = {
  readonly key: string;
  /** From the key's opening quote to the end of the value. */
  readonly whole: Span;
  readonly value: Span;
};

/** The members of the object that begins at `start`, in order, repeated keys included; undefined when no object begins there. */
export function membersAt(json: string, start: number): Member[] | undefined {
  if (json[start] !== '{') return undefined;
  const members: Member[] = [];
  let at = skipSpace(json, start + 1);
  while (json[at] !== '}') {
    const keyEnd = skipString(json, at);
    const valueStart = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const valueEnd = skipValue(json, valueStart);
    members.push({
      key: readKey(json, at, keyEnd),
      whole: { start: at, end: valueEnd },
      value: { start: valueStart, end: valueEnd },
    });
    at = skipSeparator(json, valueEnd);
  }
  return members;
}

/** The elements of the array that begins at `start`; undefined when no array begins there. */
export function elementsAt(json: string, start: number): Span[] | undefined {
  if (json[start] !== '[') return undefined;
  const elements: Span[] = [];
  let at = skipSpace(json, start + 1);
  while (json[at] !== ']') {
    const end = skipValue(json, at);
    elements.push({ start: at, end });
    at = skipSeparator(json, end);
  }
  return elements;
}

/** The value of the whole text, without the space around it. */
export function rootOf(json: string): Span {
  const start = skipSpace(json, 0);
  return { start, end: skipValue(json, start) };
}

export function textOf(json: string, { start, end }: Span): string {
  return json.slice(start, end);
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
    if (code === 34) {
      at = skipString(json, at);
    } else if (code === 123 || code === 91) {
      depth++;
      at++;
    } else if (code === 125 || code === 93) {
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
