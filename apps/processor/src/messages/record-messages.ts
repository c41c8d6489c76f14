import { type Sql } from '@talaria/database';
import { columns } from '../projections/columns';
import { messageId } from './place-messages';
import { type EditRow, type MessageFact, type MessageForm } from '../webhooks/rows';

/**
 * The table `messages`, which webhooks and dispatch events write together. A row has two parts, and neither depends on the order in
 * which they come: its form (what the message is) is taken whole from the smallest of the forms told; its facts (times, command, edit)
 * only move to the earlier, the edit to the later. Every row given lies in the month that `placeMessages` said, and is locked by it.
 */

/** What orders the forms of one message: `item` and all that is not made of it, so that no two different forms are equal. */
const form = (of: string) =>
  `(${of}.item, ${of}.direction, ${of}.is_echo, coalesce(${of}.waba_id, ''), coalesce(${of}.contact_phone, ''),
    coalesce(${of}.contact_user_id, ''), coalesce(${of}.message_at, 'infinity'), ${of}.arrived_at)`;

const formColumns = {
  phone_number_id: ['text', 'phoneNumberId'],
  wamid: ['text', 'wamid'],
  month: ['date', 'month'],
  waba_id: ['text', 'wabaId'],
  direction: ['text', 'direction'],
  contact_phone: ['text', 'contactPhone'],
  contact_user_id: ['text', 'contactUserId'],
  group_id: ['text', 'groupId'],
  type: ['text', 'type'],
  text: ['text', 'text'],
  media_id: ['text', 'mediaId'],
  media_mime_type: ['text', 'mediaMimeType'],
  media_sha256: ['text', 'mediaSha256'],
  media_filename: ['text', 'mediaFilename'],
  context_wamid: ['text', 'contextWamid'],
  message_at: ['timestamptz', 'messageAt'],
  arrived_at: ['timestamptz', 'arrivedAt'],
  is_echo: ['boolean', 'isEcho'],
  item: ['bytea', 'item'],
} as const satisfies Record<string, readonly [string, keyof MessageForm]>;

const key = ['phone_number_id', 'wamid', 'month'];
const names = Object.keys(formColumns);

const insertForms = `
  INSERT INTO messages AS m (${names.join(', ')})
  SELECT DISTINCT ON (wamid, phone_number_id) *
  FROM unnest(${Object.values(formColumns)
    .map(([type], index) => `$${index + 1}::${type}[]`)
    .join(', ')}) AS t (${names.join(', ')})
  ORDER BY wamid, phone_number_id, ${form('t')}
  ON CONFLICT (wamid, phone_number_id, month) DO UPDATE SET
    ${names
      .filter((name) => !key.includes(name))
      .map((name) => `${name} = excluded.${name}`)
      .join(', ')}
  WHERE m.item IS NULL OR ${form('excluded')} < ${form('m')}
  RETURNING m.phone_number_id, m.wamid,
    NOT EXISTS (SELECT FROM messages AS known WHERE known.phone_number_id = m.phone_number_id AND known.wamid = m.wamid
                AND known.month = m.month AND known.item IS NOT NULL) AS is_new`;

/** @returns the rows whose message was not known before, in their order; a fact alone does not make it known */
export async function recordForms<Row extends MessageForm>(sql: Sql, rows: readonly Row[]): Promise<Row[]> {
  if (rows.length === 0) return [];
  const written = await sql<{ phone_number_id: string; wamid: string; is_new: boolean }>(
    insertForms,
    columns(
      rows,
      Object.values(formColumns).map(([, name]) => name),
    ),
  );
  const fresh = new Set(
    written
      .filter((row) => row.is_new)
      .map(({ phone_number_id: phoneNumberId, wamid }) => messageId({ phoneNumberId, wamid })),
  );
  return smallestForms(rows.filter((row) => fresh.has(messageId(row))));
}

/** Of several forms the event tells the one that the row keeps; the messages stay in the order in which they came. */
function smallestForms<Row extends MessageForm>(rows: readonly Row[]): Row[] {
  const smallest = new Map<string, Row>();
  for (const row of rows) {
    const other = smallest.get(messageId(row));
    if (other === undefined || Buffer.compare(row.item, other.item) < 0) smallest.set(messageId(row), row);
  }
  return [...smallest.values()];
}

/** What facts tell of a message only as long as its form has not come. */
const unformed = ['waba_id', 'direction', 'contact_phone', 'contact_user_id', 'arrived_at'];
const factColumns = [
  ...[
    'command_id',
    'accepted_at',
    'sent_at',
    'delivered_at',
    'read_at',
    'played_at',
    'failed_at',
    'revoked_at',
  ],
];

const earliest = (fact: string) => `min(at) FILTER (WHERE fact = '${fact}')`;
const unlessFormed = (column: string) =>
  `${column} = CASE WHEN m.item IS NULL THEN least(m.${column}, excluded.${column}) ELSE m.${column} END`;

/** A message that Meta has accepted, with the times of its statuses, in milliseconds since 1970. */
export type Accepted = Pick<MessageFact, 'phoneNumberId' | 'wamid'> & {
  readonly acceptedAt: number;
  readonly sentAt: number | null;
  readonly deliveredAt: number | null;
  readonly readAt: number | null;
};

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

/**
 * Joins what happened to the message it happened to; a fact that comes before its message begins the row.
 * @returns of the messages to which something happened that was not known, those that are accepted
 */
export async function joinFacts(sql: Sql, rows: readonly MessageFact[]): Promise<Accepted[]> {
  if (rows.length === 0) return [];
  return sql<Accepted>(
    `WITH joined AS (
     INSERT INTO messages AS m (phone_number_id, wamid, month, waba_id, direction, contact_phone, contact_user_id, command_id,
                                accepted_at, sent_at, delivered_at, read_at, played_at, failed_at, revoked_at, arrived_at)
     SELECT phone_number_id, wamid, min(month), min(waba_id), min(direction), min(contact_phone), min(contact_user_id), min(command_id),
            ${['accepted', 'sent', 'delivered', 'read', 'played', 'failed', 'revoked'].map(earliest).join(', ')}, min(at)
     FROM unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[])
       AS t (phone_number_id, wamid, month, fact, waba_id, direction, contact_phone, contact_user_id, command_id, at)
     GROUP BY phone_number_id, wamid
     ON CONFLICT (wamid, phone_number_id, month) DO UPDATE SET
       ${unformed.map(unlessFormed).join(', ')},
       command_id = least(m.command_id, excluded.command_id),
       accepted_at = least(m.accepted_at, excluded.accepted_at),
       sent_at = least(m.sent_at, excluded.sent_at),
       delivered_at = least(m.delivered_at, excluded.delivered_at),
       read_at = least(m.read_at, excluded.read_at),
       played_at = least(m.played_at, excluded.played_at),
       failed_at = least(m.failed_at, excluded.failed_at),
       revoked_at = least(m.revoked_at, excluded.revoked_at)
     WHERE ${unformed.map((column) => `(m.item IS NULL AND least(m.${column}, excluded.${column}) IS DISTINCT FROM m.${column})`).join(' OR ')}
        OR (${factColumns.map((column) => `least(m.${column}, excluded.${column})`).join(', ')})
           IS DISTINCT FROM (${factColumns.map((column) => `m.${column}`).join(', ')})
     RETURNING m.phone_number_id, m.wamid, m.accepted_at, m.sent_at, m.delivered_at, m.read_at)
     SELECT phone_number_id AS "phoneNumberId", wamid, ${ms('accepted_at')} AS "acceptedAt", ${ms('sent_at')} AS "sentAt",
            ${ms('delivered_at')} AS "deliveredAt", ${ms('read_at')} AS "readAt"
     FROM joined WHERE accepted_at IS NOT NULL`,
    columns(rows, [
      'phoneNumberId',
      'wamid',
      'month',
      'fact',
      'wabaId',
      'direction',
      'contactPhone',
      'contactUserId',
      'commandId',
      'at',
    ]),
  );
}

/** Applies edits to rows that are there: `joinFacts` has begun those whose message has not come. */
export async function applyEdits(sql: Sql, rows: readonly EditRow[]): Promise<void> {
  if (rows.length === 0) return;
  const order = (at: string, wamid: string, text: string) => `(${at}, ${wamid}, coalesce(${text}, ''))`;
  await sql(
    `UPDATE messages AS m SET edited_at = e.edited_at, edit_wamid = e.edit_wamid, edited_text = e.edited_text
     FROM (SELECT DISTINCT ON (wamid, phone_number_id) *
           FROM unnest($1::text[], $2::text[], $3::date[], $4::timestamptz[], $5::text[], $6::text[])
             AS t (phone_number_id, wamid, month, edited_at, edit_wamid, edited_text)
           ORDER BY wamid, phone_number_id, ${order('edited_at', 'edit_wamid', 'edited_text')} DESC) AS e
     WHERE m.wamid = e.wamid AND m.phone_number_id = e.phone_number_id AND m.month = e.month
       AND (m.edited_at IS NULL
            OR ${order('e.edited_at', 'e.edit_wamid', 'e.edited_text')} > ${order('m.edited_at', 'm.edit_wamid', 'm.edited_text')})`,
    columns(rows, ['phoneNumberId', 'wamid', 'month', 'editedAt', 'editWamid', 'editedText']),
  );
}
