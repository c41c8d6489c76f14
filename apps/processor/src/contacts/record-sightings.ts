import { type Sql } from '@talaria/database';
import { columns } from '../projections/columns';
import { type Sighting } from '../webhooks/rows';
import { groupIdentities, type Identity, identityKey, type Link, linksOf } from './link-identities';

/** A contact is named by the smallest of its identities, by bytes: a phone where there is one. */
export type Contacts = {
  /** @returns the contact of any identity that was sighted */
  readonly contactOf: (identity: Identity) => string;
  /** Pairs of identities that nobody had told to be one person before. */
  readonly linked: readonly Link[];
};

/** Any number, the same in every process: two merges in one account wait for each other. */
const MERGE_LOCK = 7_460_313;

/**
 * Who was seen. Identities seen together, or that Meta says belong together, become one contact with one conversation for each number. The
 * identities stay locked until the transaction ends, so that no contact is merged away under a conversation that is being written.
 */
export async function recordSightings(sql: Sql, sightings: readonly Sighting[]): Promise<Contacts> {
  if (sightings.length === 0) return { contactOf: ({ identity }) => identity, linked: [] };
  const links = linksOf(sightings);
  const groups = groupIdentities(sightings);
  const names = namesOf(sightings);
  const fresh = await addIdentities(sql, groups, names);
  const isKnown = (identity: Identity) => !fresh.has(identityKey(identity));
  const linked = await addLinks(sql, links);
  // Identities that all are new belong together from the start, and nobody else can see them yet.
  const toMerge = linked.filter((link) => ends(link).some(isKnown));
  await lockMerges(sql, toMerge);
  const contacts = new Map<string, Contact>([
    ...fresh,
    ...(await lockIdentities(sql, groups.filter(isKnown))),
  ]);
  if (toMerge.length > 0) await mergeContacts(sql, toMerge, contacts);
  const contactOf = (identity: Identity) => contacts.get(identityKey(identity))?.contact ?? identity.identity;
  await nameIdentities(sql, names.filter(isKnown));
  await recordConversations(sql, sightings, contactOf);
  return { contactOf, linked };
}

function ends({ wabaId, one, other }: Link): Identity[] {
  return [
    { wabaId, identity: one },
    { wabaId, identity: other },
  ];
}

type Name = Identity & Pick<Sighting, 'name' | 'username' | 'at'>;

function namesOf(sightings: readonly Sighting[]): Name[] {
  return sightings
    .filter(({ name, username }) => name !== null || username !== null)
    .flatMap(({ identities, wabaId, name, username, at }) =>
      identities.map((identity) => ({ wabaId, identity, name, username, at })),
    );
}

/** Of several names that were told of an identity the last one stays. */
const order = (of: string, at: string) =>
  `(${of}.${at}, coalesce(${of}.name, ''), coalesce(${of}.username, ''))`;
const nameColumns = ['wabaId', 'identity', 'name', 'username', 'at'] as const;
const lastNames = (parameters: string) => `
  (SELECT DISTINCT ON (waba_id, identity) *
   FROM unnest(${parameters}) AS t (waba_id, identity, name, username, at)
   ORDER BY waba_id, identity, ${order('t', 'at')} DESC)`;

/**
 * With their names: to name a row that was written just now would write it twice.
 * @returns those that were not there, by their keys
 */
async function addIdentities(
  sql: Sql,
  groups: readonly (Identity & { readonly contact: string })[],
  names: readonly Name[],
): Promise<Map<string, Contact>> {
  const added = await sql<{ waba_id: string; identity: string; contact: string }>(
    `INSERT INTO contact_identities (waba_id, identity, contact, name, username, named_at)
     SELECT waba_id, identity, contact, name, username, at
     FROM unnest($1::text[], $2::text[], $3::text[]) AS seen (waba_id, identity, contact)
     LEFT JOIN ${lastNames('$4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[]')} AS named USING (waba_id, identity)
     ORDER BY waba_id, identity
     ON CONFLICT DO NOTHING
     RETURNING waba_id, identity, contact`,
    [...columns(groups, ['wabaId', 'identity', 'contact']), ...columns(names, nameColumns)],
  );
  return contactsOf(added);
}

async function addLinks(sql: Sql, links: readonly Link[]): Promise<Link[]> {
  if (links.length === 0) return [];
  const added = await sql<{ waba_id: string; one: string; other: string }>(
    `INSERT INTO contact_links (waba_id, one, other)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS t (waba_id, one, other)
     ORDER BY waba_id, one, other
     ON CONFLICT DO NOTHING
     RETURNING waba_id, one, other`,
    columns(links, ['wabaId', 'one', 'other']),
  );
  return added.map(({ waba_id: wabaId, one, other }) => ({ wabaId, one, other }));
}

/** A merge reads whole contacts and writes them: another one beside it would miss what this one writes. */
async function lockMerges(sql: Sql, links: readonly Link[]): Promise<void> {
  for (const wabaId of [...new Set(links.map((link) => link.wabaId))].sort()) {
    await sql(`SELECT pg_advisory_xact_lock($1, hashtext(current_schema() || $2))`, [MERGE_LOCK, wabaId]);
  }
}

type Contact = { readonly wabaId: string; readonly contact: string };

/**
 * One after the other by the index and in one order: a plain join may read all contacts there are.
 * @returns the contact of each, by its key
 */
async function lockIdentities(sql: Sql, identities: readonly Identity[]): Promise<Map<string, Contact>> {
  if (identities.length === 0) return new Map();
  const rows = await sql<{ waba_id: string; identity: string; contact: string }>(
    `SELECT known.*
     FROM (SELECT * FROM unnest($1::text[], $2::text[]) AS t (waba_id, identity) ORDER BY waba_id, identity) AS wanted
     CROSS JOIN LATERAL (SELECT waba_id, identity, contact FROM contact_identities
                         WHERE waba_id = wanted.waba_id AND identity = wanted.identity FOR NO KEY UPDATE) AS known`,
    columns(identities, ['wabaId', 'identity']),
  );
  return contactsOf(rows);
}

function contactsOf(
  rows: readonly { readonly waba_id: string; readonly identity: string; readonly contact: string }[],
): Map<string, Contact> {
  return new Map(
    rows.map(({ waba_id: wabaId, identity, contact }) => [
      identityKey({ wabaId, identity }),
      { wabaId, contact },
    ]),
  );
}

/**
 * Brings the contacts of linked identities, and their conversations, under the smallest of them. Corrects `contacts`. Two statements, since the
 * second must see the conversations that others wrote while the first waited for their identities.
 */
async function mergeContacts(
  sql: Sql,
  links: readonly Link[],
  contacts: Map<string, Contact>,
): Promise<void> {
  const contactOf = (end: Identity) => contacts.get(identityKey(end))?.contact ?? end.identity;
  const met = links.map((link) => ({ wabaId: link.wabaId, identities: ends(link).map(contactOf) }));
  const merged = groupIdentities(met).filter(({ identity, contact }) => identity !== contact);
  if (merged.length === 0) return;
  const values = columns(merged, ['wabaId', 'identity', 'contact']);
  const gone = `unnest($1::text[], $2::text[], $3::text[]) AS t (waba_id, gone, target)`;
  await sql(
    `UPDATE contact_identities AS i SET contact = t.target FROM ${gone} WHERE i.waba_id = t.waba_id AND i.contact = t.gone`,
    values,
  );
  await sql(
    `WITH moved AS (DELETE FROM conversations AS c USING ${gone} WHERE c.waba_id = t.waba_id AND c.contact = t.gone RETURNING c.*, t.target)
     INSERT INTO conversations AS c (phone_number_id, waba_id, contact, last_in_at, last_out_at)
     SELECT phone_number_id, waba_id, target, max(last_in_at), max(last_out_at) FROM moved
     GROUP BY phone_number_id, waba_id, target ORDER BY waba_id, target, phone_number_id
     ON CONFLICT (waba_id, contact, phone_number_id) DO UPDATE SET
       last_in_at = greatest(c.last_in_at, excluded.last_in_at),
       last_out_at = greatest(c.last_out_at, excluded.last_out_at)`,
    values,
  );
  const targets = new Map(merged.map((one) => [identityKey(one), one.contact]));
  for (const [key, { wabaId, contact }] of contacts) {
    const target = targets.get(identityKey({ wabaId, identity: contact }));
    if (target !== undefined) contacts.set(key, { wabaId, contact: target });
  }
}

/** Only rows that `lockIdentities` has locked are touched. */
async function nameIdentities(sql: Sql, names: readonly Name[]): Promise<void> {
  if (names.length === 0) return;
  await sql(
    `UPDATE contact_identities AS i SET name = n.name, username = n.username, named_at = n.at
     FROM ${lastNames('$1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]')} AS n
     WHERE i.waba_id = n.waba_id AND i.identity = n.identity
       AND (i.named_at IS NULL OR ${order('n', 'at')} > ${order('i', 'named_at')})`,
    columns(names, nameColumns),
  );
}

async function recordConversations(
  sql: Sql,
  sightings: readonly Sighting[],
  contactOf: Contacts['contactOf'],
): Promise<void> {
  const said = sightings.flatMap(({ phoneNumberId, wabaId, identities: [identity], direction, at }) =>
    phoneNumberId === null || identity === undefined
      ? []
      : [{ phoneNumberId, wabaId, contact: contactOf({ wabaId, identity }), direction, at }],
  );
  if (said.length === 0) return;
  await sql(
    `INSERT INTO conversations AS c (phone_number_id, waba_id, contact, last_in_at, last_out_at)
     SELECT phone_number_id, waba_id, contact, max(at) FILTER (WHERE direction = 'inbound'), max(at) FILTER (WHERE direction = 'outbound')
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS t (phone_number_id, waba_id, contact, direction, at)
     GROUP BY phone_number_id, waba_id, contact
     ORDER BY waba_id, contact, phone_number_id
     ON CONFLICT (waba_id, contact, phone_number_id) DO UPDATE SET
       last_in_at = greatest(c.last_in_at, excluded.last_in_at),
       last_out_at = greatest(c.last_out_at, excluded.last_out_at)
     WHERE greatest(excluded.last_in_at, c.last_in_at) IS DISTINCT FROM c.last_in_at
        OR greatest(excluded.last_out_at, c.last_out_at) IS DISTINCT FROM c.last_out_at`,
    columns(said, ['phoneNumberId', 'wabaId', 'contact', 'direction', 'at']),
  );
}
