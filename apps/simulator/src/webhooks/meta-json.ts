import { createHmac } from 'node:crypto';

const NEEDS_ESCAPE = /[/\u007f-\uffff]/;
const ESCAPED = /[/\u0080-\uffff]/g;

/**
 * JSON in the bytes that Meta sends: `/` as `\/`, non-ASCII as `\u` and four lower-case hex digits, an emoji as two of
 * them. Parsing and writing it again with JSON.stringify gives other bytes, and a signature over those is wrong.
 */
export function metaJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (!NEEDS_ESCAPE.test(json)) return json;
  return json.replace(ESCAPED, (unit) =>
    unit === '/' ? '\\/' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The value of `X-Hub-Signature-256` for these bytes. */
export function signatureOf(body: string, appSecret: string): string {
  return `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
}
