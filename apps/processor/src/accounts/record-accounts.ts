import { type Sql } from '@talaria/database';
import { columns } from '../projections/columns';
import { type ChangeRow, type DisplayNumber, type StateRow, type UnknownRow } from '../webhooks/rows';

/** @returns the changes not seen before */
export async function recordChanges(sql: Sql, rows: readonly ChangeRow[]): Promise<ChangeRow[]> {
  if (rows.length === 0) return [];
  const written = await sql<{ id: string }>(
    `INSERT INTO account_changes AS c (waba_id, change_hash, month, field, phone_number_id, contact_phone, contact_user_id, changed_at, item)
     SELECT DISTINCT ON (waba_id, change_hash) *
     FROM unnest($1::text[], $2::bytea[], $3::date[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::bytea[])
       AS t (waba_id, change_hash, month, field, phone_number_id, contact_phone, contact_user_id, changed_at, item)
     ORDER BY waba_id, change_hash
     ON CONFLICT DO NOTHING
     RETURNING c.waba_id || '/' || encode(c.change_hash, 'hex') AS id`,
    columns(rows, [
      'wabaId',
      'changeHash',
      'month',
      'field',
      'phoneNumberId',
      'contactPhone',
      'contactUserId',
      'changedAt',
      'item',
    ]),
  );
  const fresh = new Set(written.map((row) => row.id));
  return rows.filter(({ wabaId, changeHash }) => fresh.delete(`${wabaId}/${changeHash.toString('hex')}`));
}

/** Each side of an account, number or template as it was told last. */
export async function recordStates(sql: Sql, rows: readonly StateRow[]): Promise<void> {
  if (rows.length === 0) return;
  await sql(
    `INSERT INTO account_states AS s (waba_id, subject, facet, told_at, told)
     SELECT DISTINCT ON (waba_id, subject, facet) *
     FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[]) AS t (waba_id, subject, facet, told_at, told)
     ORDER BY waba_id, subject, facet, (told_at, told::text) DESC
     ON CONFLICT (waba_id, subject, facet) DO UPDATE SET told_at = excluded.told_at, told = excluded.told
     WHERE (excluded.told_at, excluded.told::text) > (s.told_at, s.told::text)`,
    columns(rows, ['wabaId', 'subject', 'facet', 'toldAt', 'told']),
  );
}

/** Which number shows which digits, and on which day last. Every batch tells it again: what is there is not touched, or all batches would wait for one row. */
export async function recordDisplayNumbers(sql: Sql, all: readonly DisplayNumber[]): Promise<void> {
  if (all.length === 0) return;
  const rows = [...new Map(all.map((row) => [JSON.stringify(row), row])).values()];
  await sql(
    `INSERT INTO display_numbers AS d (phone_number_id, waba_id, display_phone_number, seen_on)
     SELECT phone_number_id, waba_id, display_phone_number, max(seen_on)
     FROM unnest($1::text[], $2::text[], $3::text[], $4::date[]) AS t (phone_number_id, waba_id, display_phone_number, seen_on)
     WHERE NOT EXISTS (SELECT FROM display_numbers AS known WHERE known.phone_number_id = t.phone_number_id
                       AND known.waba_id = t.waba_id AND known.display_phone_number = t.display_phone_number
                       AND known.seen_on >= t.seen_on)
     GROUP BY 1, 2, 3
     ORDER BY 1, 2, 3
     ON CONFLICT (phone_number_id, waba_id, display_phone_number) DO UPDATE SET seen_on = greatest(d.seen_on, excluded.seen_on)`,
    columns(rows, ['phoneNumberId', 'wabaId', 'displayPhoneNumber', 'seenOn']),
  );
}

/** @returns the items not seen before */
export async function recordUnknown(sql: Sql, rows: readonly UnknownRow[]): Promise<UnknownRow[]> {
  if (rows.length === 0) return [];
  const written = await sql<{ hash: string; is_new: boolean }>(
    `INSERT INTO unknown_items AS u (item_hash, seen_at, item)
     SELECT DISTINCT ON (item_hash) * FROM unnest($1::bytea[], $2::timestamptz[], $3::bytea[]) AS t (item_hash, seen_at, item)
     ORDER BY item_hash, seen_at
     ON CONFLICT (item_hash) DO UPDATE SET seen_at = excluded.seen_at WHERE excluded.seen_at < u.seen_at
     RETURNING encode(u.item_hash, 'hex') AS hash,
       NOT EXISTS (SELECT FROM unknown_items AS known WHERE known.item_hash = u.item_hash) AS is_new`,
    columns(rows, ['itemHash', 'seenAt', 'item']),
  );
  const fresh = new Set(written.filter((row) => row.is_new).map(({ hash }) => hash));
  return rows.filter(({ itemHash }) => fresh.delete(itemHash.toString('hex')));
}
