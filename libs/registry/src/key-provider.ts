import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { parseKeys, type SecretsKey } from './keys';
import { type SecretsConfig, type secretsSettings } from './settings';

/**
 * Holds the keys that seal the keys of secrets: in memory, or in a service that never hands them out. What it wrapped for one context it unwraps for that
 * context only.
 */
export type KeyProvider = {
  /** The key that wraps now. */
  currentKeyId(): Promise<string>;
  wrap(dataKey: Buffer, context: string): Promise<{ readonly keyId: string; readonly wrapped: Buffer }>;
  /** @throws {UnknownKeyError}; any other error when the bytes were not wrapped by this key for this context */
  unwrap(keyId: string, wrapped: Buffer, context: string): Promise<Buffer>;
};

export class UnknownKeyError extends Error {}

/** How often a file of keys is looked at, at most. */
const LOOK_AGAIN_MS = 500;

/**
 * The keys that the environment names. Those of a file are read again when it has changed.
 * @param onFault told when the file became unreadable or wrong: the keys that were read last stay in use
 */
export function createKeyProvider(
  { SECRETS_KEYS, SECRETS_KEYS_FILE }: Pick<SecretsConfig, keyof typeof secretsSettings>,
  onFault: (fault: string) => void = () => undefined,
): KeyProvider {
  return SECRETS_KEYS_FILE === ''
    ? providerOf(() => Promise.resolve(SECRETS_KEYS))
    : providerOf(followFile(SECRETS_KEYS_FILE, SECRETS_KEYS, onFault));
}

function providerOf(readKeys: () => Promise<readonly SecretsKey[]>): KeyProvider {
  async function current(): Promise<SecretsKey> {
    const [first] = await readKeys();
    if (first === undefined) throw new Error('there is no key');
    return first;
  }
  return {
    currentKeyId: async () => (await current()).id,
    async wrap(dataKey, context) {
      const { id, key } = await current();
      return { keyId: id, wrapped: encrypt(key, dataKey, wrapContext(id, context)) };
    },
    async unwrap(keyId, wrapped, context) {
      const found = (await readKeys()).find(({ id }) => id === keyId);
      if (found === undefined) throw new UnknownKeyError(keyId);
      return decrypt(found.key, wrapped, wrapContext(keyId, context));
    },
  };
}

const wrapContext = (keyId: string, context: string) => `key/${keyId}/${context}`;

function followFile(
  path: string,
  first: readonly SecretsKey[],
  onFault: (fault: string) => void,
): () => Promise<readonly SecretsKey[]> {
  let keys = first;
  let version: string | undefined;
  let lookedAt = -Infinity;
  let looking: Promise<void> | undefined;
  let told: string | undefined;

  /** Once, and not with every look. */
  function tell(fault: string): void {
    if (fault !== told) onFault(fault);
    told = fault;
  }

  async function look(): Promise<void> {
    lookedAt = performance.now();
    const { ino, mtimeMs, size } = await stat(path);
    const found = [ino, mtimeMs, size].join('/');
    if (found === version) return;
    keys = parseKeys(await readFile(path, 'utf8'));
    // Last: what could not be read is read again, also when nothing but its rights were mended.
    version = found;
    told = undefined;
  }

  return async () => {
    if (performance.now() - lookedAt > LOOK_AGAIN_MS)
      looking ??= look()
        .catch((error: unknown) => {
          const { code, message } = error as NodeJS.ErrnoException;
          tell(code === undefined ? message : `cannot be read (${code})`);
        })
        .finally(() => (looking = undefined));
    await looking;
    return keys;
  };
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM under a random nonce. @returns nonce, ciphertext and tag */
export function encrypt(key: KeyObject | Buffer, plain: Buffer, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws when a bit of it, the key or the context is another than when it was encrypted */
export function decrypt(key: KeyObject | Buffer, sealed: Buffer, context: string): Buffer {
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}
