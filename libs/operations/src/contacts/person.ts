import { holdsIdentity } from './holds-identity';
import { listProjections, schemaOf, type Sql } from '@talaria/database';

/** Somebody as one account knows them, and until when all that was told of them is erased. */
export type Person = {
  /** '' for what Meta told without naming the account. */
  readonly wabaId: string;
  /** Phones as digits, and user ids. */
  readonly identities: readonly string[];
  readonly until: Date;
  /** Whether that also is what names no account where it should; of an account, if it has the account's id in it all the same. */
  readonly takesUnnamed: boolean;
};

/** Whether bytes of which nobody says whose they are may be this account's. */
export const namesUnnamed = ({ wabaId, takesUnnamed }: Person, bytes: readonly Buffer[]) =>
  takesUnnamed && (wabaId === '' || bytes.some((one) => holdsIdentity(one, [wabaId])));

/** A phone as digits, however a person writes it, or a business-scoped user id; undefined for anything else. */
export function identityOf(text: string): string | undefined {
  const digits = text.replace(/[\s+()./-]/g, '');
  if (/^\d{5,32}$/.test(digits)) return digits;
  return /^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/.test(text.trim()) ? text.trim() : undefined;
}

/** Every version of the read model, by its schema. */
export async function schemasOf(sql: Sql): Promise<string[]> {
  return (await listProjections(sql)).map(({ version }) => schemaOf(version));
}

/** A recipient as its publisher wrote it, which may be a phone with signs around its digits. */
export const isRecipient = (column: string, identities: string) =>
  `(${column} = ANY (${identities}::text[]) OR regexp_replace(${column}, '\\D', '', 'g') = ANY (${identities}::text[]))`;

/**
 * Who it may be: of each account that has anything by this phone or user id, with all else that the account, in any version of the read model, knows the same contact
 * under. Reads `commands` and `dead_letters` whole.
 * @param wabaId only this account; without, also what names none
 */
export async function findPersons(sql: Sql, identity: string, wabaId: string | undefined): Promise<Person[]> {
  const [now] = await sql<{ at: Date }>('SELECT now() AS at');
  const until = now?.at ?? new Date();
  const known = new Map<string, Set<string>>();
  const add = (account: string | null, one: string) => {
    const key = account ?? '';
    if (wabaId === undefined || wabaId === key)
      known.set(key, (known.get(key) ?? new Set([identity])).add(one));
  };
  for (const schema of await schemasOf(sql)) {
    const contacts = await sql<{ waba: string; one: string }>(
      `SELECT o.waba_id AS waba, o.identity AS one FROM ${schema}.contact_identities i
       JOIN ${schema}.contact_identities o ON o.waba_id = i.waba_id AND o.contact = i.contact WHERE i.identity = $1`,
      [identity],
    );
    for (const { waba, one } of contacts) add(waba, one);
    const commands = await sql<{ waba: string }>(
      `SELECT DISTINCT waba_id AS waba FROM ${schema}.commands WHERE ${isRecipient('recipient', '$1')}`,
      [[identity]],
    );
    for (const { waba } of commands) add(waba, identity);
  }
  const waiting = await sql<{ waba: string }>(
    `SELECT DISTINCT waba_id AS waba FROM dispatch_backlog WHERE ${isRecipient('recipient', '$1')}`,
    [[identity]],
  );
  for (const { waba } of waiting) add(waba, identity);
  const letters = await sql<{ waba: string | null }>(
    `SELECT DISTINCT waba_id AS waba FROM dead_letters WHERE position(convert_to($1, 'UTF8') IN value) > 0`,
    [identity],
  );
  for (const { waba } of letters) add(waba, identity);
  add(wabaId ?? null, identity);
  // What names no account belongs to whoever is erased in all of them, under all that these know.
  if (wabaId === undefined)
    for (const one of new Set([...known.values()].flatMap((all) => [...all]))) add(null, one);
  return [...known].map(([account, all]) => ({
    ...{ wabaId: account, identities: [...all].sort(), until },
    takesUnnamed: account === (wabaId ?? ''),
  }));
}

/** All who were erased and of whom something is there again, as after a restored backup: each phone and user id by itself. */
export async function findErasedPersons(sql: Sql): Promise<Person[]> {
  const schemas = await schemasOf(sql);
  const known = schemas.flatMap((schema) => [
    `SELECT waba_id, identity FROM ${schema}.contact_identities`,
    `SELECT waba_id, recipient FROM ${schema}.commands WHERE recipient !~ '^[+]'`,
    `SELECT waba_id, regexp_replace(recipient, '\\D', '', 'g') FROM ${schema}.commands WHERE recipient ~ '^[+]'`,
  ]);
  return sql<Person>(
    `SELECT k.waba_id AS "wabaId", ARRAY[k.identity] AS identities, max(e.erased_at) AS until, true AS "takesUnnamed"
     FROM (${known.join(' UNION ')}) AS k
     JOIN erasures e ON e.waba_id = k.waba_id AND e.identity_hash = sha256(convert_to(k.waba_id || '/' || k.identity, 'UTF8'))
     GROUP BY k.waba_id, k.identity`,
  );
}
