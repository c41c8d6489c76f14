import { hash } from 'node:crypto';
import { type Sql } from '@talaria/database';
import { type MessageForm, noRows, type Rows, type Sighting, type StatusRow } from '../webhooks/rows';

/** In fewer there is nothing to be saved. */
const FEWEST = 20;
const SAMPLE = 8;

/**
 * Leaves out the records of which every row is there already, as when a log is read again: to ask is cheaper than to write what changes
 * nothing. Only where some of the first records are known, so that what is new pays no more than a look at these. Nothing is locked: rows
 * only move one way, so what changes nothing now would change nothing later. Which number shows which digits is kept of every record.
 */
export async function leaveOutKnown(sql: Sql, records: readonly Rows[]): Promise<readonly Rows[]> {
  if (records.length < FEWEST) return records;
  const sample = await findKnown(sql, records.slice(0, SAMPLE));
  if (sample.size === 0) return records;
  const known = await findKnown(sql, records);
  return records.map((rows) => (known.has(rows) ? { ...noRows, displayNumbers: rows.displayNumbers } : rows));
}

async function findKnown(sql: Sql, records: readonly Rows[]): Promise<ReadonlySet<Rows>> {
  const known = new Set(records.filter(isPlain));
  const ask = async <Row>(
    rowsOf: (rows: Rows) => readonly Row[],
    findUnknown: (sql: Sql, rows: readonly Row[]) => Promise<number[]>,
  ) => {
    const asked = [...known].flatMap((record) => rowsOf(record).map((row) => ({ record, row })));
    if (asked.length === 0) return;
    const unknown = new Set(
      await findUnknown(
        sql,
        asked.map(({ row }) => row),
      ),
    );
    asked.forEach(({ record }, index) => {
      if (unknown.has(index)) known.delete(record);
    });
  };
  await ask(({ forms }) => forms, unknownForms);
  await ask(({ statuses }) => statuses, unknownStatuses);
  await ask(({ sightings }) => sightings.flatMap(pairsOf), unknownPairs);
  return known;
}

/** A message or statuses, and who was seen. What the statuses tell of their messages was joined to these with them. */
function isPlain({ forms, facts, statuses, ...rest }: Rows): boolean {
  const isSaid = forms.length > 0 ? facts.length === 0 : facts.length === statuses.length;
  const others = [rest.edits, rest.reactions, rest.changes, rest.states, rest.unknown];
  return isSaid && others.every((some) => some.length === 0);
}

/** Forms whose message has not this very form: a smaller or a greater one must be compared. */
function unknownForms(sql: Sql, forms: readonly MessageForm[]): Promise<number[]> {
  const of = (read: (form: MessageForm) => unknown) => forms.map(read);
  return indexes(
    sql,
    `SELECT n FROM unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[],
                          $9::timestamptz[], $10::timestamptz[], $11::bytea[])
       WITH ORDINALITY AS t (phone_number_id, wamid, month, waba_id, direction, contact_phone, contact_user_id, is_echo, message_at,
                             arrived_at, item_hash, n)
     WHERE (SELECT (m.waba_id, m.direction, m.contact_phone, m.contact_user_id, m.is_echo, m.message_at, sha256(m.item))
                   IS NOT DISTINCT FROM
                   (t.waba_id, t.direction, t.contact_phone, t.contact_user_id, t.is_echo, t.message_at, t.item_hash)
                   AND m.arrived_at <= t.arrived_at
            FROM messages AS m
            WHERE m.wamid = t.wamid AND m.phone_number_id = t.phone_number_id AND m.month = t.month) IS NOT TRUE`,
    [
      of(({ phoneNumberId }) => phoneNumberId),
      of(({ wamid }) => wamid),
      of(({ month }) => month),
      of(({ wabaId }) => wabaId),
      of(({ direction }) => direction),
      of(({ contactPhone }) => contactPhone),
      of(({ contactUserId }) => contactUserId),
      of(({ isEcho }) => isEcho),
      of(({ messageAt }) => messageAt),
      of(({ arrivedAt }) => arrivedAt),
      of(({ item }) => hash('sha256', item, 'buffer')),
    ],
  );
}

function unknownStatuses(sql: Sql, statuses: readonly StatusRow[]): Promise<number[]> {
  const of = (read: (status: StatusRow) => unknown) => statuses.map(read);
  return indexes(
    sql,
    `SELECT n FROM unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bytea[])
       WITH ORDINALITY AS t (phone_number_id, wamid, month, status, participant, waba_id, status_at, item_hash, n)
     WHERE (SELECT (s.waba_id, s.status_at, sha256(s.item)) IS NOT DISTINCT FROM (t.waba_id, t.status_at, t.item_hash)
            FROM message_statuses AS s
            WHERE s.wamid = t.wamid AND s.phone_number_id = t.phone_number_id AND s.status = t.status
              AND s.participant = t.participant AND s.month = t.month) IS NOT TRUE`,
    [
      of(({ phoneNumberId }) => phoneNumberId),
      of(({ wamid }) => wamid),
      of(({ month }) => month),
      of(({ status }) => status),
      of(({ participant }) => participant),
      of(({ wabaId }) => wabaId),
      of(({ statusAt }) => statusAt),
      of(({ item }) => hash('sha256', item, 'buffer')),
    ],
  );
}

/** A sighting by its first identity and one other; by the first alone where there is no other. */
type Pair = Omit<Sighting, 'identities'> & { readonly first: string; readonly other: string };

function pairsOf({ identities, ...rest }: Sighting): Pair[] {
  const [first = '', ...others] = identities;
  return (others.length === 0 ? [first] : others).map((other) => ({ ...rest, first, other }));
}

function unknownPairs(sql: Sql, pairs: readonly Pair[]): Promise<number[]> {
  const of = (read: (pair: Pair) => unknown) => pairs.map(read);
  const told = (of: string, at: string) =>
    `(${of}.${at}, coalesce(${of}.name, ''), coalesce(${of}.username, ''))`;
  return indexes(
    sql,
    `SELECT n FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[])
       WITH ORDINALITY AS t (waba_id, first, other, name, username, at, phone_number_id, direction, n)
     WHERE (SELECT
              (coalesce(t.name, t.username) IS NULL
               OR (${told('f', 'named_at')} >= ${told('t', 'at')} AND ${told('o', 'named_at')} >= ${told('t', 'at')}))
              AND (t.first = t.other
                   OR (SELECT true FROM contact_links AS l
                       WHERE l.waba_id = t.waba_id AND l.one = least(t.first COLLATE "C", t.other) COLLATE "default"
                         AND l.other = greatest(t.first COLLATE "C", t.other) COLLATE "default"))
              AND (t.phone_number_id IS NULL
                   OR (SELECT t.at <= CASE t.direction WHEN 'inbound' THEN c.last_in_at ELSE c.last_out_at END FROM conversations AS c
                       WHERE c.waba_id = t.waba_id AND c.contact = f.contact AND c.phone_number_id = t.phone_number_id))
            FROM contact_identities AS f CROSS JOIN contact_identities AS o
            WHERE f.waba_id = t.waba_id AND f.identity = t.first AND o.waba_id = t.waba_id AND o.identity = t.other) IS NOT TRUE`,
    [
      of(({ wabaId }) => wabaId),
      of(({ first }) => first),
      of(({ other }) => other),
      of(({ name }) => name),
      of(({ username }) => username),
      of(({ at }) => at),
      of(({ phoneNumberId }) => phoneNumberId),
      of(({ direction }) => direction),
    ],
  );
}

/** The places of rows that a statement counted from 1. */
async function indexes(sql: Sql, text: string, parameters: readonly unknown[]): Promise<number[]> {
  const found = await sql<{ n: string }>(text, parameters);
  return found.map(({ n }) => Number(n) - 1);
}
