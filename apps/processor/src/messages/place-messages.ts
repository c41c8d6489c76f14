import { type Sql } from '@talaria/database';
import { columns } from '../projections/columns';
import { type MessageKey } from '../webhooks/rows';

type Id = Pick<MessageKey, 'phoneNumberId' | 'wamid'>;
type Placed = { readonly phone_number_id: string; readonly wamid: string; readonly month: string };

/** The tables whose rows lie with their message. */
const placed = ['messages', 'message_statuses', 'reactions'] as const;

/**
 * Locks the messages that these rows are about until the transaction ends, in one order for everybody, and says in which month each lies:
 * the earliest that anybody told. Who tells an earlier one moves all that is known of the message there. A message whose month was let go
 * begins anew in the month that is told now.
 * @param keptFrom the first month that is kept; no row may be of an earlier one
 */
export async function placeMessages(
  sql: Sql,
  keys: readonly MessageKey[],
  keptFrom: string,
): Promise<<Row extends MessageKey>(rows: readonly Row[]) => Row[]> {
  const months = new Map<string, MessageKey>();
  for (const { phoneNumberId, wamid, month } of keys) {
    const id = messageId({ phoneNumberId, wamid });
    const known = months.get(id);
    if (known === undefined || month < known.month) months.set(id, { phoneNumberId, wamid, month });
  }
  const fresh = await addIds(sql, [...months.values()]);
  const others = [...months].filter(([id]) => !fresh.has(id)).map(([, key]) => key);
  const moves: Move[] = [];
  for (const { phone_number_id: phoneNumberId, wamid, month: from } of await lockIds(sql, others)) {
    const id = messageId({ phoneNumberId, wamid });
    const told = months.get(id);
    if (told === undefined || told.month === from) continue;
    if (told.month > from && from >= keptFrom) months.set(id, { phoneNumberId, wamid, month: from });
    else moves.push({ ...told, from });
  }
  await moveMessages(sql, moves);
  return (rows) =>
    rows.map((row) => {
      const month = months.get(messageId(row))?.month ?? row.month;
      return month === row.month ? row : { ...row, month };
    });
}

type Move = MessageKey & { readonly from: string };

/** Tells any two messages apart, whatever their ids hold. */
export function messageId({ phoneNumberId, wamid }: Id): string {
  return `${phoneNumberId.length}/${phoneNumberId}/${wamid}`;
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
  return new Set(
    added.map(({ phone_number_id: phoneNumberId, wamid }) => messageId({ phoneNumberId, wamid })),
  );
}

/** One after the other by the index and in one order, however large the table is. */
async function lockIds(sql: Sql, keys: readonly Id[]): Promise<Placed[]> {
  if (keys.length === 0) return [];
  return sql<Placed>(
    `SELECT known.*
     FROM (SELECT * FROM unnest($1::text[], $2::text[]) AS t (phone_number_id, wamid) ORDER BY wamid, phone_number_id) AS wanted
     CROSS JOIN LATERAL (SELECT phone_number_id, wamid, month::text FROM message_ids
                         WHERE wamid = wanted.wamid AND phone_number_id = wanted.phone_number_id FOR UPDATE) AS known`,
    columns(keys, ['phoneNumberId', 'wamid']),
  );
}

/** Rare: at the turn of a month, and for messages of long ago. */
async function moveMessages(sql: Sql, moves: readonly Move[]): Promise<void> {
  if (moves.length === 0) return;
  const values = columns(moves, ['phoneNumberId', 'wamid', 'month', 'from']);
  const moved = `unnest($1::text[], $2::text[], $3::date[], $4::date[]) AS t (phone_number_id, wamid, month, from_month)`;
  for (const table of [...placed, 'message_ids']) {
    await sql(
      `UPDATE ${table} AS m SET month = t.month FROM ${moved}
       WHERE m.wamid = t.wamid AND m.phone_number_id = t.phone_number_id AND m.month = t.from_month`,
      values,
    );
  }
}
