import { type Sql } from '@talaria/database';
import { NotFoundError } from '../errors';
import { conditionOf, type LetterFilter, type LetterState, Parameters } from './filter';

/** A line of the list. */
export type ListedLetter = {
  readonly id: number;
  readonly deadAt: string;
  readonly state: LetterState;
  readonly topic: string;
  readonly cause: string;
  readonly code: number | null;
  readonly attempts: number | null;
  readonly wabaId: string | null;
  readonly phoneNumberId: string | null;
  readonly commandId: string | null;
  readonly campaignId: string | null;
  readonly message: string | null;
};

export type LettersPage = {
  readonly letters: readonly ListedLetter[];
  /** Where the next page begins; undefined: this is the last. */
  readonly next?: number;
};

export type PageAsked = {
  readonly filter: LetterFilter;
  readonly states: readonly LetterState[];
  readonly limit: number;
  /** The letter after which the page begins. */
  readonly after: number | undefined;
};

/**
 * A page of letters, newest first. With one filter it is read from that filter's index, however many letters there are.
 * @throws when there is no letter `after`
 */
export async function listLetters(sql: Sql, asked: PageAsked): Promise<LettersPage> {
  const before = asked.after === undefined ? undefined : await placeOf(sql, asked.after);
  const { text, values } = pageStatement(asked, before);
  const rows = await sql<ListedLetter & { id: string; deadAt: Date }>(text, values);
  const letters = rows
    .slice(0, asked.limit)
    .map((row) => ({ ...row, id: Number(row.id), deadAt: row.deadAt.toISOString() }));
  const last = letters.at(-1);
  return { letters, ...(rows.length > asked.limit && last !== undefined && { next: last.id }) };
}

type ListPlace = { readonly deadAt: Date; readonly id: number };

async function placeOf(sql: Sql, id: number): Promise<ListPlace> {
  const [row] = await sql<{ dead_at: Date }>('SELECT dead_at FROM dead_letters WHERE id = $1', [id]);
  if (row === undefined)
    throw new NotFoundError(`there is no dead letter ${id} after which a page could begin`);
  return { deadAt: row.dead_at, id };
}

/** One letter more than the page has, which tells whether another follows. Each state is a walk along an index of its own. */
export function pageStatement(
  { filter, states, limit }: Omit<PageAsked, 'after'>,
  before: ListPlace | undefined,
): { readonly text: string; readonly values: readonly unknown[] } {
  const parameters = new Parameters();
  const wanted = parameters.add(states);
  const most = parameters.add(limit + 1);
  const condition = conditionOf(filter, parameters);
  const page =
    before === undefined
      ? 'true'
      : `(d.dead_at, d.id) < (${parameters.add(before.deadAt)}::timestamptz, ${parameters.add(before.id)}::bigint)`;
  const text = `
    SELECT l.* FROM unnest(${wanted}::text[]) AS s (state)
    CROSS JOIN LATERAL (
      SELECT d.id, d.dead_at AS "deadAt", d.state, d.topic, d.cause, d.code, d.attempts, d.waba_id AS "wabaId",
             d.phone_number_id AS "phoneNumberId", d.command_id AS "commandId", d.campaign_id AS "campaignId", d.message
      FROM dead_letters d WHERE d.state = s.state AND ${condition} AND ${page}
      ORDER BY d.dead_at DESC, d.id DESC LIMIT ${most}) AS l
    ORDER BY l."deadAt" DESC, l.id DESC LIMIT ${most}`;
  return { text, values: parameters.values };
}
