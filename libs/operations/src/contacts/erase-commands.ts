import { isRecipient, type Person } from './person';
import { type Step, stepOf } from './step';
import { isMessageOf, ofAccount, parametersOf, type VersionTables } from './version-tables';

/** The states of what is still to be decided: its next event would tell the recipient again. */
export const UNDONE = `('retrying', 'unknown')`;

/**
 * Commands to them keep their state, and not who, nor the wamid, which has the phone in it; so does the ledger. By recipient, and by the messages that
 * they became, so it comes before these.
 */
export function commandsStep(tables: VersionTables, person: Person): Step {
  const commands = `${tables.schema}.commands`;
  const theirs = [
    `SELECT command_id FROM ${commands} WHERE ${ofAccount} AND ${isRecipient('recipient', '$2')}`,
    ...tables.messages.map(
      (table) => `SELECT command_id FROM ${table} WHERE command_id IS NOT NULL AND ${isMessageOf}`,
    ),
  ];
  return stepOf(
    (sql) =>
      sql<{ id: string }>(
        `SELECT command_id AS id FROM (${theirs.join(' UNION ')}) AS theirs
         WHERE NOT EXISTS (SELECT FROM ${commands} c WHERE c.command_id = theirs.command_id AND c.waba_id = $1
                           AND (c.state IN ${UNDONE} OR c.state_at > $3))`,
        parametersOf(person),
      ),
    async (sql, found) => {
      const these = [person.wabaId, found.map(({ id }) => id)];
      const isThis = 'waba_id = $1 AND command_id = ANY ($2::text[])';
      await sql(`SELECT FROM ${commands} WHERE ${isThis} ORDER BY command_id FOR UPDATE`, these);
      await sql(`UPDATE ${commands} SET recipient = NULL, wamid = NULL WHERE ${isThis}`, these);
      for (const table of tables.dispatch_attempts)
        await sql(`UPDATE ${table} SET wamid = NULL, error_message = NULL WHERE ${isThis}`, these);
      await sql(
        `UPDATE public.dispatch_commands SET wamid = NULL,
           outcome = jsonb_set(outcome - 'wamid' - 'waId', '{error,message}', '""', false)
         WHERE ${isThis} AND state IN ('accepted', 'failed', 'cancelled', 'dead-lettered')`,
        these,
      );
    },
  );
}
