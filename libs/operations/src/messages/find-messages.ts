import { type Sql } from '@talaria/database';
import { maskIdentity } from './mask';

/** What somebody has in hand. */
export type MessageAsked = MessageName & {
  /** Only of this account. */
  readonly wabaId?: string | undefined;
  /** Only of this business number. */
  readonly phoneNumberId?: string | undefined;
};

export type MessageName =
  /** A command id or a wamid. */
  | { readonly id: string }
  /** Whatever was exchanged with a person about that time. The phone as digits, or a business-scoped user id. */
  | { readonly phone: string; readonly at: Date; readonly withinMs: number };

/** One of what it may mean, as far as it tells them apart. */
export type MessageFound = {
  readonly wabaId: string | null;
  readonly phoneNumberId: string | null;
  readonly commandId: string | null;
  /** Null for a command of which Meta has taken nothing yet. */
  readonly wamid: string | null;
  readonly direction: 'inbound' | 'outbound';
  readonly type: string | null;
  readonly status: string | null;
  /** When it was shown to people, or when its command was last told of. */
  readonly at: Date | null;
  /** The person's phone or user id, all but its end masked. */
  readonly contact: string | null;
};

const COMMAND_ID = /^[A-Za-z0-9._:-]{1,128}$/;
/** More than a person reads: whoever gets so many has not got all. */
export const MOST_FOUND = 50;

/**
 * What the name may mean, newest first, at most 50: a command id is unique within its account only, and both ends of a conversation may be ours.
 * Every statement finds its rows by an index.
 */
export async function findMessages(sql: Sql, asked: MessageAsked): Promise<MessageFound[]> {
  const found = 'id' in asked ? await findById(sql, asked.id) : await findByPerson(sql, asked);
  const wanted = ({ wabaId, phoneNumberId }: MessageFound) =>
    (asked.wabaId ?? wabaId) === wabaId && (asked.phoneNumberId ?? phoneNumberId) === phoneNumberId;
  return found.filter(wanted).map((one) => ({ ...one, contact: maskIdentity(one.contact) }));
}

async function findById(sql: Sql, id: string): Promise<MessageFound[]> {
  const messages = await findByWamid(sql, id);
  if (messages.length > 0 || !COMMAND_ID.test(id)) return messages;
  return findByCommandId(sql, id);
}

const messageColumns = `m.waba_id AS "wabaId", m.phone_number_id AS "phoneNumberId", m.command_id AS "commandId", m.wamid, m.direction,
         m.type, m.status, m.shown_at AS at, m.contact_identity AS contact`;

/** The month first, which leads to one partition. */
export async function monthsOf(sql: Sql, wamid: string): Promise<{ month: string; number: string }[]> {
  return sql(
    `SELECT month::text, phone_number_id AS number FROM message_ids WHERE wamid = $1 LIMIT ${MOST_FOUND}`,
    [wamid],
  );
}

async function findByWamid(sql: Sql, wamid: string): Promise<MessageFound[]> {
  const found: MessageFound[] = [];
  for (const { month, number } of await monthsOf(sql, wamid)) {
    const rows = await sql<MessageFound>(
      `SELECT ${messageColumns} FROM messages m WHERE m.wamid = $1 AND m.phone_number_id = $2 AND m.month = $3::date`,
      [wamid, number, month],
    );
    found.push(...rows);
  }
  return found;
}

/**
 * The ledger has a command from its first attempt on, the backlog before, the read model once it was told of, the dead letters what was refused before
 * it came into the ledger.
 */
async function findByCommandId(sql: Sql, commandId: string): Promise<MessageFound[]> {
  return sql<MessageFound>(
    `SELECT f.waba_id AS "wabaId", coalesce(c.phone_number_id, d.phone_number_id, f.phone_number_id) AS "phoneNumberId", $1 AS "commandId",
            coalesce(d.wamid, c.wamid) AS wamid, 'outbound' AS direction, NULL AS type, coalesce(d.state, c.state, f.state) AS status,
            coalesce(d.settled_at, d.claimed_at, c.state_at) AS at, c.recipient AS contact
     FROM (
       SELECT waba_id, min(phone_number_id) AS phone_number_id, min(state) AS state FROM (
         SELECT waba_id, phone_number_id, NULL AS state FROM commands WHERE command_id = $1
         UNION ALL SELECT waba_id, phone_number_id, NULL FROM dispatch_commands WHERE command_id = $1
         UNION ALL (SELECT waba_id, phone_number_id, 'parked' FROM dispatch_backlog WHERE command_id = $1 LIMIT ${MOST_FOUND})
         UNION ALL (SELECT waba_id, phone_number_id, 'dead-lettered' FROM dead_letters WHERE command_id = $1 LIMIT ${MOST_FOUND})
         UNION ALL (SELECT waba_id, phone_number_id, status FROM messages WHERE command_id = $1 LIMIT ${MOST_FOUND})
       ) AS anywhere GROUP BY waba_id LIMIT ${MOST_FOUND}) AS f
     LEFT JOIN LATERAL (SELECT * FROM commands c WHERE c.command_id = $1 AND c.waba_id = f.waba_id LIMIT 1) AS c ON true
     LEFT JOIN LATERAL (SELECT * FROM dispatch_commands d WHERE d.command_id = $1 AND d.waba_id = f.waba_id LIMIT 1) AS d ON true
     ORDER BY at DESC NULLS LAST, f.waba_id`,
    [commandId],
  );
}

/** By all that the accounts know the person under: their user id, too, where Meta told that it is theirs. */
async function findByPerson(
  sql: Sql,
  asked: MessageAsked & Extract<MessageName, { readonly phone: string }>,
): Promise<MessageFound[]> {
  const { phone, at, withinMs, wabaId = null, phoneNumberId = null } = asked;
  return sql<MessageFound>(
    `SELECT ${messageColumns}
     FROM (
       SELECT $1::text AS identity
       UNION
       SELECT other.identity FROM wabas w
       CROSS JOIN LATERAL (SELECT contact FROM contact_identities i WHERE i.waba_id = w.waba_id AND i.identity = $1 LIMIT 1) AS known
       CROSS JOIN LATERAL (
         SELECT identity FROM contact_identities o WHERE o.waba_id = w.waba_id AND o.contact = known.contact LIMIT ${MOST_FOUND}) AS other
     ) AS person
     CROSS JOIN LATERAL (
       SELECT * FROM messages m WHERE m.contact_identity = person.identity AND m.shown_at BETWEEN $2 AND $3
         AND ($4::text IS NULL OR m.waba_id = $4) AND ($5::text IS NULL OR m.phone_number_id = $5)
       ORDER BY m.shown_at DESC LIMIT ${MOST_FOUND}) AS m
     ORDER BY m.shown_at DESC, m.wamid LIMIT ${MOST_FOUND}`,
    [phone, new Date(at.getTime() - withinMs), new Date(at.getTime() + withinMs), wabaId, phoneNumberId],
  );
}
