import { type Sql } from '@talaria/database';
import { type Person } from './person';

const monthly = [
  'messages',
  'message_statuses',
  'reactions',
  'account_changes',
  'dispatch_attempts',
] as const;

/** The tables of one version of the read model. */
export type VersionTables = { readonly schema: string } & Readonly<
  Record<(typeof monthly)[number], readonly string[]>
>;

/** Those with months each with the tables of months that were detached, and are kept to be archived. */
export async function tablesOf(sql: Sql, schema: string): Promise<VersionTables> {
  const rows = await sql<{ parent: string; name: string }>(
    `SELECT parent, relname AS name FROM pg_class JOIN unnest($2::text[]) AS parent ON relname ~ ('^' || parent || '(_[0-9]{4}_[0-9]{2})?$')
     WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname`,
    [schema, monthly],
  );
  const of = (table: string) =>
    rows.filter(({ parent }) => parent === table).map(({ name }) => `${schema}.${name}`);
  return {
    schema,
    messages: of('messages'),
    message_statuses: of('message_statuses'),
    reactions: of('reactions'),
    account_changes: of('account_changes'),
    dispatch_attempts: of('dispatch_attempts'),
  };
}

/** What the conditions of a person's rows name: $1, $2 and $3. */
export const parametersOf = ({ wabaId, identities, until }: Person) => [wabaId, identities, until];

export const ofAccount = `coalesce(waba_id, '') = $1`;
export const isMessageOf = `${ofAccount} AND contact_identity = ANY ($2::text[]) AND least(message_at, arrived_at) <= $3`;

/** Cheap, and finds too much: whether somebody is named as a whole is for `holdsIdentity` to say. */
export const mentions = (column: string) =>
  `EXISTS (SELECT FROM unnest($2::text[]) AS i (identity) WHERE position(convert_to(i.identity, 'UTF8') IN ${column}) > 0)`;
