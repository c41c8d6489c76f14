import { type Sql } from '@talaria/database';
import { type MessageRow, type StatusRow } from '../webhooks/rows';

/**
 * The table `messages`, which webhooks and dispatch events write together. A row has two parts, and neither depends on the order in
 * which they come: its form (what the message is) is taken whole from the smallest of the forms told; its facts (times, command) only
 * move to the smaller.
 */
export type MessageForm = Omit<MessageRow, 'kind' | 'contactName'>;

export type StatusFact = Pick<
  StatusRow,
  | 'phoneNumberId'
  | 'wamid'
  | 'status'
  | 'wabaId'
  | 'contactPhone'
  | 'contactUserId'
  | 'commandId'
  | 'statusAt'
>;

/** What orders the forms of one message: `item` and all that is not made of it, so that no two different forms are equal. */
const form = (of: string) =>
  `(${of}.item, ${of}.direction, ${of}.is_echo, coalesce(${of}.waba_id, ''), coalesce(${of}.contact_phone, ''),
    coalesce(${of}.contact_user_id, ''), coalesce(${of}.message_at, 'infinity'))`;

/** @returns the rows whose message was not known before; a status alone does not make it known */
export async function recordMessages<Row extends MessageForm>(
  sql: Sql,
  rows: readonly Row[],
): Promise<Row[]> {
  if (rows.length === 0) return [];
  const written = await sql<{ id: string; is_new: boolean }>(
    `INSERT INTO messages AS m (phone_number_id, wamid, waba_id, direction, contact_phone, contact_user_id,
                                type, text, context_wamid, message_at, is_echo, item)
     SELECT DISTINCT ON (phone_number_id, wamid) *
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                 $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::boolean[], $12::bytea[])
       AS t (phone_number_id, wamid, waba_id, direction, contact_phone, contact_user_id,
             type, text, context_wamid, message_at, is_echo, item)
     ORDER BY phone_number_id, wamid, ${form('t')}
     ON CONFLICT (phone_number_id, wamid) DO UPDATE SET
       waba_id = excluded.waba_id, direction = excluded.direction, contact_phone = excluded.contact_phone,
       contact_user_id = excluded.contact_user_id, type = excluded.type, text = excluded.text,
       context_wamid = excluded.context_wamid, message_at = excluded.message_at, is_echo = excluded.is_echo,
       item = excluded.item
     WHERE m.item IS NULL OR ${form('excluded')} < ${form('m')}
     RETURNING m.phone_number_id || '/' || m.wamid AS id,
       NOT EXISTS (SELECT FROM messages AS known WHERE known.phone_number_id = m.phone_number_id
                   AND known.wamid = m.wamid AND known.item IS NOT NULL) AS is_new`,
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

/** Joins statuses to their message; one that comes before its message begins the row. */
export async function joinStatuses(sql: Sql, rows: readonly StatusFact[]): Promise<void> {
  if (rows.length === 0) return;
  await sql(
    `INSERT INTO messages AS m (phone_number_id, wamid, waba_id, direction, contact_phone, contact_user_id, command_id,
                                accepted_at, sent_at, delivered_at, read_at, played_at, failed_at)
     SELECT phone_number_id, wamid, min(waba_id), 'outbound', min(contact_phone), min(contact_user_id), min(command_id),
            min(status_at) FILTER (WHERE status = 'accepted'),
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
       accepted_at = least(m.accepted_at, excluded.accepted_at),
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

/** The rows turned into one array for each column, as `unnest` takes them. */
export function columns<Row>(rows: readonly Row[], names: readonly (keyof Row)[]): unknown[] {
  return names.map((name) => rows.map((row) => row[name]));
}

/** Of the rows given, the first of each id that the statement says is new. */
export function firstOf<Row>(
  rows: readonly Row[],
  written: readonly { id: string; is_new: boolean }[],
  idOf: (row: Row) => string,
): Row[] {
  const fresh = new Set(written.filter((row) => row.is_new).map((row) => row.id));
  return rows.filter((row) => fresh.delete(idOf(row)));
}
