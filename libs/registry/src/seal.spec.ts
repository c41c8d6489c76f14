import fc from 'fast-check';
import { createKeyProvider, generateKey, keyIdOf, open, parseKeys, type Place, rewrap, seal } from '.';

const keysOf = (...lines: string[]) =>
  createKeyProvider({ SECRETS_KEYS: parseKeys(lines.join('\n')), SECRETS_KEYS_FILE: '' });
const [old, fresh] = [generateKey('2025'), generateKey('2026')];
const keys = keysOf(old);
const secret = 'EAAG-marker-9d1c';
const place: Place = { table: 'wabas', id: '1000', column: 'access_token' };
const another: Place[] = [
  { ...place, id: '1001' },
  { table: 'phone_numbers', id: '1000', column: 'access_token' },
  { table: 'apps', id: '1000', column: 'verify_token' },
];

const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('it was opened'),
    (error: unknown) => error as Error,
  );

/** Nothing that an error shows, however it is printed, holds what is secret. */
function expectSilence(error: Error, ...secrets: string[]): void {
  const shown = [error.message, error.stack, JSON.stringify(error), String(error.cause)].join();
  for (const one of [secret, ...secrets]) expect(shown).not.toContain(one);
}

it('opens what it sealed, where it was sealed, and seals nothing twice into the same text', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 600 });
  await fc.assert(
    fc.asyncProperty(text, async (plain) => {
      const [one, two] = [await seal(keys, place, plain), await seal(keys, place, plain)];
      expect(one).toMatch(/^t1\.2025\.[A-Za-z0-9_-]+$/);
      expect(one).not.toBe(two);
      expect(await open(keys, place, one)).toBe(plain);
    }),
    { numRuns: 50 },
  );
});

it('refuses what was changed in any bit, and what is cut off anywhere', async () => {
  const sealed = await seal(keys, place, secret);
  const [format, keyId, base64 = ''] = sealed.split('.');
  const bytes = Buffer.from(base64, 'base64url');
  const withBytes = (changed: Buffer) => [format, keyId, changed.toString('base64url')].join('.');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1 << (at % 8);
    for (const wrong of [withBytes(changed), withBytes(bytes.subarray(0, at))]) {
      const error = await failureOf(open(keys, place, wrong));
      expect(error.message).toMatch(/^wabas\/1000\/access_token (cannot be opened|does not hold)/);
      expect(error.message).toContain('`talaria accounts rotate-token 1000`');
      expectSilence(error, wrong);
    }
  }
});

it.each(another)('refuses it in another row or column: $table $id $column', async (elsewhere) => {
  const sealed = await seal(keys, place, secret);
  for (const work of [open(keys, elsewhere, sealed), rewrap(keysOf(fresh, old), elsewhere, sealed)]) {
    const error = await failureOf(work);
    expect(error.message).toContain(
      `${elsewhere.table}/1000/${elsewhere.column} cannot be opened`.replace('1000', elsewhere.id),
    );
    expect(error.message).toContain('copied from another row');
    expectSilence(error, sealed);
  }
});

it('names the key that is not at hand, tells another key of the same id, and what was never sealed', async () => {
  const sealed = await seal(keys, place, secret);
  const missing = await failureOf(open(keysOf(fresh), place, sealed));
  expect(missing.message).toBe(
    'wabas/1000/access_token is sealed by the key 2025, which SECRETS_KEYS or SECRETS_KEYS_FILE does not have: add that key, or store the token anew with `talaria accounts rotate-token 1000`',
  );
  const wrong = await failureOf(open(keysOf(generateKey('2025')), place, sealed));
  expect(wrong.message).toContain('cannot be opened by the key 2025: another key had this id');
  const never = await failureOf(open(keys, place, secret));
  expect(never.message).toBe(
    'wabas/1000/access_token does not hold a sealed secret: store the token anew with `talaria accounts rotate-token 1000`',
  );
  for (const error of [missing, wrong, never]) expectSilence(error, sealed);
});

it('puts a secret under the current key without touching it, and leaves alone what is under it', async () => {
  const sealed = await seal(keys, place, secret);
  const both = keysOf(fresh, old);
  const again = await rewrap(both, place, sealed);
  expect(keyIdOf(again)).toBe('2026');
  expect(await open(keysOf(fresh), place, again)).toBe(secret);
  // Nonce, ciphertext and tag are the same bytes.
  const box = (text: string) => Buffer.from(text.split('.')[2]!, 'base64url').subarray(62);
  expect(box(again)).toEqual(box(sealed));
  expect(await rewrap(both, place, again)).toBe(again);
});
