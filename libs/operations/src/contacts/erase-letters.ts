import { holdsIdentity } from './holds-identity';
import { namesUnnamed, type Person } from './person';
import { type Step, stepOf } from './step';
import { mentions, parametersOf } from './version-tables';

type Found = {
  readonly id: string;
  readonly wabaId: string | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: string;
};

/**
 * Dead letters that are theirs, or name them: the line of the list stays, without its bytes, so that reading the topic again does not bring them back; an
 * open one is discarded, since there is nothing left to send.
 */
export function lettersStep(person: Person): Step {
  return stepOf(
    async (sql) => {
      const found = await sql<Found>(
        `SELECT id, waba_id AS "wabaId", key, value, headers::text AS headers FROM dead_letters
         WHERE coalesce(waba_id, $1) = $1 AND dead_at <= $3
           AND (${mentions('value')} OR ${mentions('key')} OR ${mentions(`convert_to(headers::text, 'UTF8')`)})`,
        parametersOf(person),
      );
      return found.filter(({ wabaId, key, value, headers }) => {
        const bytes = [key, value, Buffer.from(headers)].filter((one) => one !== null);
        const isMeant = wabaId !== null || namesUnnamed(person, bytes);
        return isMeant && bytes.some((one) => holdsIdentity(one, person.identities));
      });
    },
    (sql, found) =>
      sql(
        `UPDATE dead_letters SET key = NULL, value = NULL, headers = '{}', message = NULL,
           state = CASE state WHEN 'open' THEN 'discarded' ELSE state END
         WHERE id = ANY ($1::bigint[])`,
        [found.map(({ id }) => id)],
      ),
  );
}

/** What somebody had commands corrected to before they were sent again, where that names them. It is of no account. */
export function correctionsStep(person: Person): Step {
  return stepOf(
    async (sql) => {
      const found = await sql<{ id: string; correction: string }>(
        `SELECT id, correction::text AS correction FROM redrives WHERE state <> 'running' AND correction IS NOT NULL`,
      );
      return found.filter(
        ({ correction }) => person.takesUnnamed && holdsIdentity(Buffer.from(correction), person.identities),
      );
    },
    (sql, found) =>
      sql(`UPDATE redrives SET correction = '{}' WHERE id = ANY ($1::bigint[])`, [found.map(({ id }) => id)]),
  );
}
