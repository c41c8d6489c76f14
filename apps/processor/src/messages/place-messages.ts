import { type Sql } from '@talaria/database';
import { columns } from '../projections/columns';
import { type MessageKey } from '../webhooks/rows';

type Id = Pick<MessageKey, 'phoneNumberId' | 'wamid'>;
type Placed = { readonly phone_number_id: string; readonly wamid: string; readonly month: string };

/** The tables whose rows lie with their message. */
const placed = ['messages', 'message_statuses', 'reactions'] as const;

/**
 * Locks the messages that these rows are about until the transaction ends, in one order for everybody, and says in which month each lies:
 * the earliest that anybody told. Who tells an earlier one moves all that is known of the message there.
 */
export async function placeMessages(
  sql: Sql,
  keys: readonly MessageKey[],
): Promise<<Row extends MessageKey>(rows: readonly Row[]) => Row[]> {
  const months = new Map<string, MessageKey>();
  for (const { phoneNumberId, wamid, month } of keys) {
    const known = months.get(idOf({ phoneNumberId, wamid }));
    if (known === undefined || month < known.month)
      months.set(idOf({ phoneNumberId, wamid }), { phoneNumberId, wamid, month });
  }
  const fresh = await addIds(sql, [...months.values()]);
  const others = [...months].filter(([id]) => !fresh.has(id)).map(([, key]) => key);
  for (const { phone_number_id: phoneNumberId, wamid, month } of await lockIds(sql, others)) {
    const id = idOf({ phoneNumberId, wamid });
    const told = months.get(id);
    if (told !== undefined && told.month > month) months.set(id, { phoneNumberId, wamid, month });
    else if (told !== undefined && told.month < month) await moveMessage(sql, told, month);
  }
  return (rows) => rows.map((row) => ({ ...row, month: months.get(idOf(row))?.month ?? row.month }));
}

function idOf({ phoneNumberId, wamid }: Id): string {
  return `${phoneNumberId}/${wamid}`;
}

/** @returns those that nobody had told of */
async function addIds(sql: Sql, keys: readonly MessageKey[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const added = await sql<Placed>(
    `INSERT INTO message_ids (phone_number_id, wamid, month)
     SELECT * FROM unnest($1::text[], $2::text[], $3::date[]) AS t (phone_number_id, wamid, month)
     ORDER BY wamid, phone_number_id
     ON CONFLICT DO NOTHING
     RETURNING phone_number_id, wamid`,
    columns(keys, ['phoneNumberId', 'wamid', 'month']),
  );
  return new Set(added.map(({ phone_number_id: phoneNumberId, wamid }) => idOf({ phoneNumberId, wamid })));
}

async function lockIds(sql: Sql, keys: readonly Id[]): Promise<Placed[]> {
  if (keys.length === 0) return [];
  return sql<Placed>(
    `SELECT phone_number_id, wamid, month::text
     FROM message_ids JOIN unnest($1::text[], $2::text[]) AS t (phone_number_id, wamid) USING (phone_number_id, wamid)
     ORDER BY wamid, phone_number_id
     FOR UPDATE OF message_ids`,
    columns(keys, ['phoneNumberId', 'wamid']),
  );
}

/** Rare: at the turn of a month, and for messages of long ago that are imported. */
async function moveMessage(
  sql: Sql,
  { phoneNumberId, wamid, month }: MessageKey,
  from: string,
): Promise<void> {
  for (const table of placed) {
    await sql(
      `UPDATE ${table} SET month = $3 WHERE phone_number_id = $1 AND wamid = $2 AND month = $4::date`,
      [phoneNumberId, wamid, month, from],
    );
  }
  await sql(`UPDATE message_ids SET month = $3 WHERE phone_number_id = $1 AND wamid = $2`, [
    phoneNumberId,
    wamid,
    month,
  ]);
}
