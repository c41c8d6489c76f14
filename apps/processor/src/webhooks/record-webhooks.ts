import { type Sql } from '@talaria/database';
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

async function recordMessages(sql: Sql, rows: readonly MessageRow[]): Promise<MessageRow[]> {
  if (rows.length === 0) return [];
  const written = await sql<{ id: string; is_new: boolean }>(
    `INSERT INTO messages AS m (phone_number_id, wamid, waba_id, direction, contact_phone, contact_user_id,
                                type, text, context_wamid, message_at, is_echo, item)
     SELECT DISTINCT ON (phone_number_id, wamid) *
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                 $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::boolean[], $12::bytea[])
       AS t (phone_number_id, wamid, waba_id, direction, contact_phone, contact_user_id,
             type, text, context_wamid, message_at, is_echo, item)
     ORDER BY phone_number_id, wamid, item
     ON CONFLICT (phone_number_id, wamid) DO UPDATE SET
       waba_id = excluded.waba_id, direction = excluded.direction, contact_phone = excluded.contact_phone,
       contact_user_id = excluded.contact_user_id, type = excluded.type, text = excluded.text,
       context_wamid = excluded.context_wamid, message_at = excluded.message_at, is_echo = excluded.is_echo,
       item = excluded.item
     WHERE m.item IS NULL OR excluded.item < m.item
     RETURNING m.phone_number_id || '/' || m.wamid AS id, m.xmax = 0 AS is_new`,
    columns(rows, [
      'phoneNumberId',
      'wamid',
      'wabaId',
      'direction',
      'contactPhone',
      'contactUserId',
      'type',
      'text',
      'contextWamid',
      'messageAt',
      'isEcho',
      'item',
    ]),
  );
  return firstOf(rows, written, ({ phoneNumberId, wamid }) => `${phoneNumberId}/${wamid}`);
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
     ORDER BY phone_number_id, wamid, status, participant, status_at, item
     ON CONFLICT (phone_number_id, wamid, status, participant) DO UPDATE SET
       waba_id = excluded.waba_id, contact_phone = excluded.contact_phone, contact_user_id = excluded.contact_user_id,
       status_at = excluded.status_at, error_code = excluded.error_code, error_title = excluded.error_title,
       command_id = excluded.command_id, attempt = excluded.attempt, item = excluded.item
     WHERE (excluded.status_at, excluded.item) < (s.status_at, s.item)
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

/** Joins statuses to their message; one that comes before its message begins the row. */
async function joinStatuses(sql: Sql, rows: readonly StatusRow[]): Promise<void> {
  await sql(
    `INSERT INTO messages AS m (phone_number_id, wamid, waba_id, direction, contact_phone, contact_user_id, command_id,
                                sent_at, delivered_at, read_at, played_at, failed_at)
     SELECT phone_number_id, wamid, min(waba_id), 'outbound', min(contact_phone), min(contact_user_id), min(command_id),
            min(status_at) FILTER (WHERE status = 'sent'),
            min(status_at) FILTER (WHERE status = 'delivered'),
            min(status_at) FILTER (WHERE status = 'read'),
            min(status_at) FILTER (WHERE status = 'played'),
            min(status_at) FILTER (WHERE status = 'failed')
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
       AS t (phone_number_id, wamid, status, waba_id, contact_phone, contact_user_id, command_id, status_at)
     GROUP BY phone_number_id, wamid
     ORDER BY phone_number_id, wamid
     ON CONFLICT (phone_number_id, wamid) DO UPDATE SET
       waba_id = CASE WHEN m.item IS NULL THEN least(m.waba_id, excluded.waba_id) ELSE m.waba_id END,
       contact_phone = CASE WHEN m.item IS NULL THEN least(m.contact_phone, excluded.contact_phone) ELSE m.contact_phone END,
       contact_user_id = CASE WHEN m.item IS NULL THEN least(m.contact_user_id, excluded.contact_user_id) ELSE m.contact_user_id END,
       command_id = least(m.command_id, excluded.command_id),
       sent_at = least(m.sent_at, excluded.sent_at),
       delivered_at = least(m.delivered_at, excluded.delivered_at),
       read_at = least(m.read_at, excluded.read_at),
       played_at = least(m.played_at, excluded.played_at),
       failed_at = least(m.failed_at, excluded.failed_at)`,
    columns(rows, [
      'phoneNumberId',
      'wamid',
      'status',
      'wabaId',
      'contactPhone',
      'contactUserId',
      'commandId',
      'statusAt',
    ]),
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

/** The rows turned into one array for each column, as `unnest` takes them. */
export function columns<Row>(rows: readonly Row[], names: readonly (keyof Row)[]): unknown[] {
  return names.map((name) => rows.map((row) => row[name]));
}

/** Of the rows given, the first of each id that the statement inserted. */
function firstOf<Row>(
  rows: readonly Row[],
  written: readonly { id: string; is_new: boolean }[],
  idOf: (row: Row) => string,
): Row[] {
  const fresh = new Set(written.filter((row) => row.is_new).map((row) => row.id));
  return rows.filter((row) => fresh.delete(idOf(row)));
}
