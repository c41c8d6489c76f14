import { randomBytes } from 'node:crypto';
import { decrypt, encrypt, type KeyProvider, UnknownKeyError } from './key-provider';

/** Where a secret is stored. It opens there, and nowhere else. */
export type Place =
  | { readonly table: 'wabas' | 'phone_numbers'; readonly id: string; readonly column: 'access_token' }
  | { readonly table: 'apps'; readonly id: string; readonly column: 'app_secrets' | 'verify_token' };

/**
 * A secret that cannot be opened. Its message is for people: it names the row and what to do, and nothing of what is stored.
 * `malformed`: it was never sealed by us · `unknown-key`: its key is not at hand · `refused`: another key has this id, or it was changed, or it is of another row
 */
export class SealError extends Error {
  constructor(
    readonly reason: 'malformed' | 'unknown-key' | 'refused',
    readonly place: Place,
    readonly keyId: string | undefined,
  ) {
    super(`${nameOf(place)} ${explain(reason, keyId)} ${remedyFor(place)}`);
    this.name = 'SealError';
  }
}

const FORMAT = 't1';
const SEALED = /^t1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]+)$/;
const DATA_KEY_BYTES = 32;
/** Of the wrapped key, in front of it. */
const LENGTH_BYTES = 2;
/** Nonce and tag. */
const LEAST_BYTES = 28;

/**
 * Seals a secret for one place: a data key of its own encrypts it, and the provider's current key wraps that.
 * @returns `t1.<key id>.<base64url>`, another text each time
 */
export async function seal(keys: KeyProvider, place: Place, secret: string): Promise<string> {
  const dataKey = randomBytes(DATA_KEY_BYTES);
  return write(
    await keys.wrap(dataKey, nameOf(place)),
    encrypt(dataKey, Buffer.from(secret), secretContext(place)),
  );
}

/** @throws {SealError} */
export async function open(keys: KeyProvider, place: Place, sealed: string): Promise<string> {
  const { keyId, dataKey, box } = await unwrap(keys, place, sealed);
  try {
    return decrypt(dataKey, box, secretContext(place)).toString();
  } catch {
    throw new SealError('refused', place, keyId);
  }
}

/**
 * The same secret under the provider's current key: only its data key is wrapped anew. The very same text when it is under that key already.
 * @throws {SealError}
 */
export async function rewrap(keys: KeyProvider, place: Place, sealed: string): Promise<string> {
  if (keyIdOf(sealed) === (await keys.currentKeyId())) return sealed;
  const { keyId, dataKey, box } = await unwrap(keys, place, sealed);
  try {
    // What could not be opened afterwards would be lost the day the old key is thrown away.
    decrypt(dataKey, box, secretContext(place));
  } catch {
    throw new SealError('refused', place, keyId);
  }
  return write(await keys.wrap(dataKey, nameOf(place)), box);
}

/** The key that a secret is sealed by; undefined when it was not sealed by us. */
export function keyIdOf(sealed: string): string | undefined {
  return SEALED.exec(sealed)?.[1];
}

async function unwrap(keys: KeyProvider, place: Place, sealed: string) {
  const [, keyId, base64] = SEALED.exec(sealed) ?? [];
  const bytes = Buffer.from(base64 ?? '', 'base64url');
  const boxAt = LENGTH_BYTES + (bytes.length < LENGTH_BYTES ? 0 : bytes.readUInt16BE());
  if (keyId === undefined || bytes.length < boxAt + LEAST_BYTES)
    throw new SealError('malformed', place, keyId);
  try {
    const dataKey = await keys.unwrap(keyId, bytes.subarray(LENGTH_BYTES, boxAt), nameOf(place));
    return { keyId, dataKey, box: bytes.subarray(boxAt) };
  } catch (error) {
    throw new SealError(error instanceof UnknownKeyError ? 'unknown-key' : 'refused', place, keyId);
  }
}

function write({ keyId, wrapped }: { keyId: string; wrapped: Buffer }, box: Buffer): string {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(wrapped.length);
  return [FORMAT, keyId, Buffer.concat([length, wrapped, box]).toString('base64url')].join('.');
}

/** `table/primary key/column`. */
const nameOf = ({ table, id, column }: Place) => `${table}/${id}/${column}`;

/** Without a key id: re-wrapping does not touch the secret itself. */
const secretContext = (place: Place) => `${FORMAT}/${nameOf(place)}`;

function explain(reason: SealError['reason'], keyId: string | undefined): string {
  switch (reason) {
    case 'malformed':
      return 'does not hold a sealed secret:';
    case 'unknown-key':
      return `is sealed by the key ${keyId ?? ''}, which SECRETS_KEYS or SECRETS_KEYS_FILE does not have: add that key, or`;
    case 'refused':
      return `cannot be opened by the key ${keyId ?? ''}: another key had this id when it was sealed, or it was changed or copied from another row. Bring back that key, or`;
  }
}

function remedyFor({ table, id, column }: Place): string {
  if (column === 'verify_token') return `store it anew with \`talaria apps set-verify-token ${id}\``;
  if (table === 'apps') return `store it anew with \`talaria apps rotate-secret ${id}\``;
  const noun = table === 'wabas' ? 'accounts' : 'numbers';
  return `store the token anew with \`talaria ${noun} rotate-token ${id}\``;
}
