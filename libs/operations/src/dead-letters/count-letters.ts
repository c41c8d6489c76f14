import { type Sql } from '@talaria/database';
import { conditionOf, type LetterFilter, Parameters } from './filter';

/** How many of each cause. */
export type Causes = Readonly<Record<string, number>>;

/** Why a letter that the filter names is not sent again. */
export type LeftOut = 'no-value' | 'expired' | 'ambiguous';

export type Counted = {
  readonly letters: number;
  readonly causes: Causes;
  readonly leftOut: Partial<Readonly<Record<LeftOut, number>>>;
  /** Of the letters, those whose command was accepted meanwhile: they are not sent to anybody again. */
  readonly acceptedMeanwhile: number;
};

export type Choice = {
  readonly filter: LetterFilter;
  /** Whether they get a new time to expire. */
  readonly renews: boolean;
};

/**
 * Why a letter is left out; null: it is not. A value that was too large for the dead letters is where the letter came from. What may have
 * been sent is sent again only when somebody has asked for just that.
 */
export function leftOutSql({ filter, renews }: Choice): string {
  const isMeant = filter.cause === 'ambiguous' || filter.ids !== undefined;
  return `CASE WHEN d.value IS NULL THEN 'no-value'
     ${renews ? '' : `WHEN d.expires_at <= now() THEN 'expired'`}
     ${isMeant ? '' : `WHEN d.cause = 'ambiguous' THEN 'ambiguous'`} END`;
}

/** What a re-drive would take, and leave, of the letters that are open. */
export async function countLetters(sql: Sql, choice: Choice): Promise<Counted> {
  const parameters = new Parameters();
  const rows = await sql<{ cause: string; left_out: LeftOut | null; letters: number; accepted: number }>(
    `SELECT d.cause, ${leftOutSql(choice)} AS left_out, count(*)::integer AS letters,
            (count(*) FILTER (WHERE c.state = 'accepted'))::integer AS accepted
     FROM dead_letters d LEFT JOIN dispatch_commands c ON c.waba_id = d.waba_id AND c.command_id = d.command_id
     WHERE d.state = 'open' AND ${conditionOf(choice.filter, parameters)}
     GROUP BY 1, 2 ORDER BY 3 DESC, 1`,
    parameters.values,
  );
  const taken = rows.filter(({ left_out }) => left_out === null);
  const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0);
  const reasons = [...new Set(rows.flatMap(({ left_out }) => left_out ?? []))];
  return {
    letters: sum(taken.map(({ letters }) => letters)),
    causes: Object.fromEntries(taken.map(({ cause, letters }) => [cause, letters])),
    leftOut: Object.fromEntries(
      reasons.map((reason) => [
        reason,
        sum(rows.filter(({ left_out }) => left_out === reason).map(({ letters }) => letters)),
      ]),
    ),
    acceptedMeanwhile: sum(taken.map(({ accepted }) => accepted)),
  };
}
