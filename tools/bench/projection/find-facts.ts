import { type Database } from './ground';
import { type Fact } from './records';

export const idOf = ({ wamid, status }: Fact) => (status === undefined ? wamid : `${wamid}/${status}`);

/** @returns the ids of those facts that readers see */
export async function findFacts(
  { client }: Pick<Database, 'client'>,
  facts: readonly Fact[],
): Promise<string[]> {
  const messages = facts.filter(({ status }) => status === undefined).map(({ wamid }) => wamid);
  const statuses = facts.filter(({ status }) => status !== undefined);
  const { rows } = await client.query<{ id: string }>(
    `SELECT wamid AS id FROM messages WHERE wamid = ANY ($1) AND item IS NOT NULL
     UNION ALL
     SELECT wamid || '/' || status FROM message_statuses WHERE wamid = ANY ($2) AND wamid || '/' || status = ANY ($3)`,
    [messages, statuses.map(({ wamid }) => wamid), statuses.map(idOf)],
  );
  return rows.map(({ id }) => id);
}
