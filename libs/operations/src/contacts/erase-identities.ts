import { type Sql } from '@talaria/database';
import { type Person } from './person';
import { type Step, stepOf } from './step';
import { parametersOf, type VersionTables } from './version-tables';

/** Before their identities, by which it is found whose it is. What was said later stays. */
export function conversationsStep({ schema }: VersionTables, person: Person): Step {
  const conversations = `${schema}.conversations`;
  return stepOf(
    (sql) =>
      sql<{ contact: string; number: string }>(
        `SELECT contact, phone_number_id AS number FROM ${conversations}
         WHERE waba_id = $1 AND (last_in_at <= $3 OR last_out_at <= $3) AND (contact = ANY ($2::text[]) OR contact IN (
           SELECT contact FROM ${schema}.contact_identities WHERE waba_id = $1 AND identity = ANY ($2::text[])))`,
        parametersOf(person),
      ),
    async (sql, found) => {
      await holdIdentities(sql, schema, person);
      const these = [person.wabaId, found.map(({ contact }) => contact), found.map(({ number }) => number)];
      const isThis = `waba_id = $1 AND (contact, phone_number_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))`;
      await sql(
        `UPDATE ${conversations} SET last_in_at = CASE WHEN last_in_at > $4 THEN last_in_at END,
           last_out_at = CASE WHEN last_out_at > $4 THEN last_out_at END WHERE ${isThis}`,
        [...these, person.until],
      );
      await sql(
        `DELETE FROM ${conversations} WHERE ${isThis} AND last_in_at IS NULL AND last_out_at IS NULL`,
        these,
      );
    },
  );
}

/** Last. Whoever has written since is a contact by what they came with then; what was told of their name before is not kept. */
export function identitiesStep({ schema }: VersionTables, person: Person): Step {
  const identities = `${schema}.contact_identities`;
  const isTold = `i.waba_id = $1 AND i.identity = ANY ($2::text[]) AND coalesce(i.named_at, '-infinity') <= $3`;
  const isBack = `(EXISTS (SELECT FROM ${schema}.messages m WHERE m.contact_identity = i.identity AND coalesce(m.waba_id, '') = i.waba_id)
    OR EXISTS (SELECT FROM ${schema}.conversations c WHERE c.waba_id = i.waba_id AND c.contact = i.contact))`;
  return stepOf(
    (sql) => sql(`SELECT FROM ${identities} i WHERE ${isTold}`, parametersOf(person)),
    async (sql) => {
      await holdIdentities(sql, schema, person);
      const gone = await sql<{ identity: string }>(
        `DELETE FROM ${identities} i WHERE ${isTold} AND NOT ${isBack} RETURNING identity`,
        parametersOf(person),
      );
      await sql(
        `DELETE FROM ${schema}.contact_links WHERE waba_id = $1 AND (one = ANY ($2::text[]) OR other = ANY ($2::text[]))`,
        [person.wabaId, gone.map(({ identity }) => identity)],
      );
      await sql(
        `UPDATE ${identities} i SET name = NULL, username = NULL, named_at = NULL WHERE ${isTold}`,
        parametersOf(person),
      );
    },
  );
}

/** As the processor does, which then waits. */
async function holdIdentities(sql: Sql, schema: string, { wabaId, identities }: Person): Promise<void> {
  await sql(
    `SELECT FROM ${schema}.contact_identities WHERE waba_id = $1 AND identity = ANY ($2::text[])
     ORDER BY waba_id, identity FOR UPDATE`,
    [wabaId, identities],
  );
}
