import { type Sql } from '@talaria/database';
import { columns, firstOf, joinStatuses, recordMessages } from '../projections/record-messages';
import { type ChangeRow, type MessageRow, type StatusRow, type UnknownRow, type WebhookRow } from './rows';

/** The rows that told something new: what was there already is left out. */
export type FirstSeen = {
  readonly messages: readonly MessageRow[];
  readonly statuses: readonly StatusRow[];
  readonly changes: readonly ChangeRow[];
};

/**
 * Writes rows, one statement for each table. The result does not depend on the order of calls or on repeats: a fact is one row by its
 * unique key, of several forms of it the smallest stays, and times only move to the earlier.
 */
export async function recordWebhooks(sql: Sql, rows: readonly WebhookRow[]): Promise<FirstSeen> {
  const of = <Kind extends WebhookRow['kind']>(kind: Kind) =>
    rows.filter((row): row is Extract<WebhookRow, { kind: Kind }> => row.kind === kind);
  const messages = await recordMessages(sql, of('message'));
  const statuses = await recordStatuses(sql, of('status'));
  const changes = await recordChanges(sql, of('change'));
  await recordUnknown(sql, of('unknown'));
  return { messages, statuses, changes };
}

async function recordStatuses(sql: Sql, rows: readonly StatusRow[]): Promise<StatusRow[]> {
  if (rows.length === 0) return [];
  const written = await sql<{ id: string; is_new: boolean }>(
    `INSERT INTO message_statuses AS s (phone_number_id, wamid, status, participant, waba_id, contact_phone, contact_user_id,
                                        status_at, error_code, error_title, command_id, attempt, item)
     SELECT DISTINCT ON (phone_number_id, wamid, status, participant) *
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                 $8::timestamptz[], $9::integer[], $10::text[], $11::text[], $12::integer[], $13::bytea[])
       AS t (phone_number_id, wamid, status, participant, waba_id, contact_phone, contact_user_id,
             status_at, error_code, error_title, command_id, attempt, item)
     ORDER BY phone_number_id, wamid, status, participant, status_at, item, coalesce(waba_id, '')
     ON CONFLICT (phone_number_id, wamid, status, participant) DO UPDATE SET
       waba_id = excluded.waba_id, contact_phone = excluded.contact_phone, contact_user_id = excluded.contact_user_id,
       status_at = excluded.status_at, error_code = excluded.error_code, error_title = excluded.error_title,
       command_id = excluded.command_id, attempt = excluded.attempt, item = excluded.item
     WHERE (excluded.status_at, excluded.item, coalesce(excluded.waba_id, '')) < (s.status_at, s.item, coalesce(s.waba_id, ''))
     RETURNING s.phone_number_id || '/' || s.wamid || '/' || s.status || '/' || s.participant AS id, s.xmax = 0 AS is_new`,
    columns(rows, [
      'phoneNumberId',
      'wamid',
      'status',
      'participant',
      'wabaId',
      'contactPhone',
      'contactUserId',
      'statusAt',
      'errorCode',
      'errorTitle',
      'commandId',
      'attempt',
      'item',
    ]),
  );
  await joinStatuses(sql, rows);
  return firstOf(
    rows,
    written,
    ({ phoneNumberId, wamid, status, participant }) => `${phoneNumberId}/${wamid}/${status}/${participant}`,
  );
}

async function recordChanges(sql: Sql, rows: readonly ChangeRow[]): Promise<ChangeRow[]> {
  if (rows.length === 0) return [];
  const written = await sql<{ id: string; is_new: boolean }>(
    `INSERT INTO account_changes AS c (waba_id, change_hash, field, phone_number_id, contact_phone, contact_user_id, changed_at, item)
     SELECT DISTINCT ON (waba_id, change_hash) *
     FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bytea[])
       AS t (waba_id, change_hash, field, phone_number_id, contact_phone, contact_user_id, changed_at, item)
     ORDER BY waba_id, change_hash
     ON CONFLICT (waba_id, change_hash) DO NOTHING
     RETURNING c.waba_id || '/' || encode(c.change_hash, 'hex') AS id, true AS is_new`,
    columns(rows, [
      'wabaId',
      'changeHash',
      'field',
      'phoneNumberId',
      'contactPhone',
      'contactUserId',
      'changedAt',
      'item',
    ]),
  );
  return firstOf(rows, written, ({ wabaId, changeHash }) => `${wabaId}/${changeHash.toString('hex')}`);
}

async function recordUnknown(sql: Sql, rows: readonly UnknownRow[]): Promise<void> {
  if (rows.length === 0) return;
  await sql(
    `INSERT INTO unknown_items (item_hash, item)
     SELECT DISTINCT ON (item_hash) * FROM unnest($1::bytea[], $2::bytea[]) AS t (item_hash, item) ORDER BY item_hash
     ON CONFLICT (item_hash) DO NOTHING`,
    columns(rows, ['itemHash', 'item']),
  );
}
