import { createKeyProvider, parseKeys, seal } from '@talaria/registry';
import { query } from './database';

export type NewNumber = {
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly displayPhoneNumber: string;
  readonly accessToken: string;
  readonly messagesPerSecond?: number;
  /** From the first that anybody hears of it. */
  readonly pausedUntil?: string;
};

export type Keys = ReturnType<typeof createKeyProvider>;

/** What seals and opens on a platform whose processes are given the same `SECRETS_KEYS`. */
export function keysOf(secretsKeys: string): Keys {
  return createKeyProvider({ SECRETS_KEYS: parseKeys(secretsKeys), SECRETS_KEYS_FILE: '' });
}

/** Makes numbers and their accounts known to the registry, or changes those it knows, in one statement for each table. */
export async function registerNumbers(
  databaseUrl: string,
  keys: Keys,
  numbers: readonly NewNumber[],
): Promise<void> {
  const tokens = await Promise.all(numbers.map((number) => sealToken(keys, number)));
  const column = <Key extends keyof NewNumber>(key: Key) => numbers.map((number) => number[key] ?? null);
  await query(
    databaseUrl,
    `INSERT INTO wabas (waba_id, name) SELECT DISTINCT id, 'WABA ' || id FROM unnest($1::text[]) AS t (id) ON CONFLICT DO NOTHING`,
    [column('wabaId')],
  );
  await query(
    databaseUrl,
    `INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number, access_token, messages_per_second, paused_until)
     SELECT id, waba_id, display, token, coalesce(rate, 80), paused_until
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[])
       AS t (id, waba_id, display, token, rate, paused_until)
     ON CONFLICT (phone_number_id) DO UPDATE SET
       (waba_id, display_phone_number, access_token, messages_per_second, paused_until) =
       (excluded.waba_id, excluded.display_phone_number, excluded.access_token, excluded.messages_per_second, excluded.paused_until)`,
    [
      column('phoneNumberId'),
      column('wabaId'),
      column('displayPhoneNumber'),
      tokens,
      column('messagesPerSecond'),
      column('pausedUntil'),
    ],
  );
}

/** The numbers have this token from now on. */
export async function replaceToken(
  databaseUrl: string,
  keys: Keys,
  phoneNumberIds: readonly string[],
  accessToken: string,
): Promise<void> {
  const tokens = await Promise.all(
    phoneNumberIds.map((phoneNumberId) => sealToken(keys, { phoneNumberId, accessToken })),
  );
  await query(
    databaseUrl,
    `UPDATE phone_numbers n SET access_token = t.token FROM unnest($1::text[], $2::text[]) AS t (id, token) WHERE n.phone_number_id = t.id`,
    [phoneNumberIds, tokens],
  );
}

const sealToken = (
  keys: Keys,
  { phoneNumberId, accessToken }: Pick<NewNumber, 'phoneNumberId' | 'accessToken'>,
) => seal(keys, { table: 'phone_numbers', id: phoneNumberId, column: 'access_token' }, accessToken);
