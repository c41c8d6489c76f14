import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';

/** Seals the keys of secrets. It does not print its bytes. */
export type SecretsKey = { readonly id: string; readonly key: KeyObject };

const KEY_BYTES = 32;
const ENTRY = /^([A-Za-z0-9_-]{1,64}):([A-Za-z0-9+/_-]{43}=?)$/;
const FORM = '<key id>:<base64 of 32 bytes>';
const REMEDY = '`talaria keys generate` makes one';

/**
 * Reads keys of the form `<key id>:<base64 of 32 bytes>`: one a line, or in one line with commas between them. Empty lines and those that begin
 * with # are left out. The first key is the one that seals.
 * @throws an error for people that names every line or entry which is wrong, never what stands there
 */
export function parseKeys(text: string): readonly SecretsKey[] {
  const lines = text.trim().split(/\r?\n/);
  const [word, entries] = lines.length > 1 ? ['line', lines] : ['entry', text.split(',')];
  const keys: SecretsKey[] = [];
  const faults: string[] = [];
  for (const [index, entry] of entries.entries()) {
    if (/^\s*(#|$)/.test(entry)) continue;
    const [, id = '', base64 = ''] = ENTRY.exec(entry.trim()) ?? [];
    if (id === '') faults.push(`${word} ${index + 1} is not ${FORM}`);
    else if (keys.some((one) => one.id === id))
      faults.push(`${word} ${index + 1} has the key id of another: give each key an id of its own`);
    else keys.push({ id, key: createSecretKey(Buffer.from(base64, 'base64')) });
  }
  if (keys.length === 0 && faults.length === 0) faults.push(`holds no key of the form ${FORM}`);
  if (faults.length > 0) throw new Error(`${faults.join('; ')} (${REMEDY})`);
  return keys;
}

/** A new key, as `parseKeys` reads it. @param id letters, digits, dashes and underscores; by default the day */
export function generateKey(id = new Date().toISOString().slice(0, 10)): string {
  return `${id}:${randomBytes(KEY_BYTES).toString('base64')}`;
}
