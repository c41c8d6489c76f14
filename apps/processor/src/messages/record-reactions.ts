import { type Sql } from '@talaria/database';
import { columns } from '../projections/columns';
import { type ReactionRow } from '../webhooks/rows';

const order = (of: string) =>
  `(${of}.reacted_at, ${of}.reaction_wamid, coalesce(${of}.emoji, ''), coalesce(${of}.waba_id, ''))`;

/** What each sender has put on a message last. Its message need not be known. */
export async function recordReactions(sql: Sql, rows: readonly ReactionRow[]): Promise<void> {
  if (rows.length === 0) return;
  await sql(
    `INSERT INTO reactions AS r (phone_number_id, wamid, month, sender, waba_id, emoji, reacted_at, reaction_wamid)
     SELECT DISTINCT ON (wamid, phone_number_id, sender) *
     FROM unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
       AS t (phone_number_id, wamid, month, sender, waba_id, emoji, reacted_at, reaction_wamid)
     ORDER BY wamid, phone_number_id, sender, ${order('t')} DESC
     ON CONFLICT (wamid, phone_number_id, sender, month) DO UPDATE SET
       waba_id = excluded.waba_id, emoji = excluded.emoji, reacted_at = excluded.reacted_at, reaction_wamid = excluded.reaction_wamid
     WHERE ${order('excluded')} > ${order('r')}`,
    columns(rows, [
      'phoneNumberId',
      'wamid',
      'month',
      'sender',
      'wabaId',
      'emoji',
      'reactedAt',
      'reactionWamid',
    ]),
  );
}
