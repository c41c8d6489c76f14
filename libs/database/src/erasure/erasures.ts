import { createHash } from 'node:crypto';
import { type Sql } from '../transaction';

/** What a person is known under by an account: a phone as digits, or a user id. `wabaId` is '' where the account is not known. */
export type KnownIdentity = { readonly wabaId: string; readonly identity: string };

/**
 * How the table `erasures` names somebody. It lets a repeat be recognised and keeps the phone out of sight; it does not make it a secret, since
 * there are few enough phones to try them all.
 */
export function identityHash({ wabaId, identity }: KnownIdentity): Buffer {
  return sha256(`${wabaId}/${identity}`);
}

/** How the table `erased_ids` names a message. */
export function messageHash(wamid: string): Buffer {
  return sha256(wamid);
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** Notes who was erased, when, by whom and why, without naming them; in the caller's transaction. @returns when */
export async function rememberErasure(
  sql: Sql,
  identities: readonly KnownIdentity[],
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<Date> {
  const [row] = await sql<{ at: Date }>(
    `WITH noted AS (
       INSERT INTO public.erasures (waba_id, identity_hash, erased_by, reason)
       SELECT waba_id, identity_hash, $3, $4 FROM unnest($1::text[], $2::bytea[]) AS t (waba_id, identity_hash)
       RETURNING erased_at)
     SELECT max(erased_at) AS at FROM noted`,
    [identities.map(({ wabaId }) => wabaId), identities.map(identityHash), by, reason],
  );
  if (row === undefined) throw new Error('nothing was noted');
  return row.at;
}

/** Which of these were erased, and when last: by the hash, in hex. Of many that were never erased it costs a look at an index. */
export async function findErasures(
  sql: Sql,
  identities: readonly KnownIdentity[],
): Promise<ReadonlyMap<string, Date>> {
  if (identities.length === 0) return new Map();
  const rows = await sql<{ hash: string; at: Date }>(
    `SELECT encode(identity_hash, 'hex') AS hash, max(erased_at) AS at FROM public.erasures
     WHERE identity_hash = ANY ($1::bytea[]) GROUP BY 1`,
    [identities.map(identityHash)],
  );
  return new Map(rows.map(({ hash, at }) => [hash, at]));
}

/** Whether anybody was ever erased. */
export async function anyErasures(sql: Sql): Promise<boolean> {
  const found = await sql('SELECT FROM public.erasures LIMIT 1');
  return found.length > 0;
}

/** Which of these hashes of messages, changes and unknown items belong to what was erased; in hex. */
export async function findErasedIds(sql: Sql, hashes: readonly Buffer[]): Promise<ReadonlySet<string>> {
  if (hashes.length === 0) return new Set();
  const rows = await sql<{ hash: string }>(
    `SELECT encode(id_hash, 'hex') AS hash FROM public.erased_ids WHERE id_hash = ANY ($1::bytea[])`,
    [hashes],
  );
  return new Set(rows.map(({ hash }) => hash));
}

/** To be called in the transaction that erases what they stand for. */
export async function rememberErasedIds(sql: Sql, hashes: readonly Buffer[]): Promise<void> {
  if (hashes.length === 0) return;
  await sql(
    `INSERT INTO public.erased_ids (id_hash) SELECT h FROM unnest($1::bytea[]) AS t (h) ORDER BY h ON CONFLICT DO NOTHING`,
    [hashes],
  );
}
