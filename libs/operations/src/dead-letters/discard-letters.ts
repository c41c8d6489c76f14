import { type Sql } from '@talaria/database';
import { type Causes } from './count-letters';
import { conditionOf, type LetterFilter, Parameters } from './filter';

export type Discarded = { readonly id: number; readonly letters: number; readonly causes: Causes };

/** How many open letters of each cause the filter names. */
export async function countOpen(sql: Sql, filter: LetterFilter): Promise<Causes> {
  const parameters = new Parameters();
  const rows = await sql<{ cause: string; letters: number }>(
    `SELECT d.cause, count(*)::integer AS letters FROM dead_letters d
     WHERE d.state = 'open' AND ${conditionOf(filter, parameters)} GROUP BY 1 ORDER BY 2 DESC, 1`,
    parameters.values,
  );
  return Object.fromEntries(rows.map(({ cause, letters }) => [cause, letters]));
}

/**
 * Takes open letters off the list, and notes who did it and why; in the caller's transaction.
 * @returns undefined when there were none: then nothing is noted
 */
export async function discardLetters(
  sql: Sql,
  filter: LetterFilter,
  { reason, by }: { readonly reason: string; readonly by: string },
): Promise<Discarded | undefined> {
  const [row] = await sql<{ id: string }>(
    `INSERT INTO discards (discarded_by, reason, filter, letters, causes) VALUES ($1, $2, $3, 0, '{}') RETURNING id`,
    [by, reason, JSON.stringify(filter)],
  );
  const id = Number(row?.id);
  const parameters = new Parameters();
  const discard = parameters.add(id);
  const rows = await sql<{ cause: string; letters: number }>(
    `WITH gone AS (
       UPDATE dead_letters d SET state = 'discarded', discard = ${discard}
       WHERE d.state = 'open' AND ${conditionOf(filter, parameters)} RETURNING d.cause)
     SELECT cause, count(*)::integer AS letters FROM gone GROUP BY 1 ORDER BY 2 DESC, 1`,
    parameters.values,
  );
  const causes = Object.fromEntries(rows.map(({ cause, letters }) => [cause, letters]));
  const letters = rows.reduce((sum, one) => sum + one.letters, 0);
  if (letters === 0) {
    await sql('DELETE FROM discards WHERE id = $1', [id]);
    return undefined;
  }
  await sql('UPDATE discards SET letters = $2, causes = $3 WHERE id = $1', [
    id,
    letters,
    JSON.stringify(causes),
  ]);
  return { id, letters, causes };
}
