import { messageHash, rememberErasedIds, type Sql } from '@talaria/database';
import { type Person } from './person';
import { type Step, stepOf } from './step';
import { isMessageOf, ofAccount, parametersOf, type VersionTables } from './version-tables';

type MessageKey = { readonly wamid: string; readonly number: string };

/** What was exchanged with them, with all that is told of it. */
export function messagesStep(tables: VersionTables, person: Person): Step {
  return stepOf(
    (sql) => findKeys(sql, tables.messages, isMessageOf, person),
    async (sql, keys) => {
      await holdMessages(sql, tables, keys);
      const all = [...tables.message_statuses, ...tables.reactions, ...tables.messages];
      for (const table of [...all, `${tables.schema}.message_ids`])
        await sql(
          `DELETE FROM ${table} AS r USING unnest($1::text[], $2::text[]) AS k (wamid, number)
           WHERE r.wamid = k.wamid AND r.phone_number_id = k.number`,
          columnsOf(keys),
        );
      await rememberErasedIds(
        sql,
        keys.map(({ wamid }) => messageHash(wamid)),
      );
    },
  );
}

const theirs = {
  message_statuses: `${ofAccount} AND status_at <= $3
    AND (contact_phone = ANY ($2::text[]) OR contact_user_id = ANY ($2::text[]) OR participant = ANY ($2::text[]))`,
  reactions: `${ofAccount} AND reacted_at <= $3 AND sender = ANY ($2::text[])`,
} as const;

/** What they got and how they reacted, also of messages that are not theirs alone, as a group's. */
export function doneStep(table: keyof typeof theirs, tables: VersionTables, person: Person): Step {
  return stepOf(
    (sql) => findKeys(sql, tables[table], theirs[table], person),
    async (sql, keys) => {
      await holdMessages(sql, tables, keys);
      for (const one of tables[table])
        await sql(
          `DELETE FROM ${one} WHERE ${theirs[table]} AND (wamid, phone_number_id) IN (SELECT * FROM unnest($4::text[], $5::text[]))`,
          [...parametersOf(person), ...columnsOf(keys)],
        );
    },
  );
}

async function findKeys(
  sql: Sql,
  tables: readonly string[],
  condition: string,
  person: Person,
): Promise<MessageKey[]> {
  const found = tables.map(
    (table) => `SELECT wamid, phone_number_id AS number FROM ${table} WHERE ${condition}`,
  );
  return sql<MessageKey>(found.join(' UNION ALL '), parametersOf(person));
}

const columnsOf = (keys: readonly MessageKey[]) => [
  keys.map(({ wamid }) => wamid),
  keys.map(({ number }) => number),
];

/** Before any of their rows, and in one order, as the processor holds them. */
async function holdMessages(sql: Sql, { schema }: VersionTables, keys: readonly MessageKey[]): Promise<void> {
  await sql(
    `SELECT FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS k (wamid, number) ORDER BY wamid, number) AS wanted
     CROSS JOIN LATERAL (SELECT FROM ${schema}.message_ids r
                         WHERE r.wamid = wanted.wamid AND r.phone_number_id = wanted.number FOR UPDATE) AS held`,
    columnsOf(keys),
  );
}
