import { type Sql } from '@talaria/database';
import { NotFoundError } from '../errors';
import { type Correction, correctCommand } from './correct-command';
import { type Causes, leftOutSql } from './count-letters';
import { conditionOf, type LetterFilter, letterTopics, Parameters } from './filter';

export type RedriveOrder = {
  readonly filter: LetterFilter;
  readonly perSecond: number;
  readonly correction: Correction | undefined;
};

/** A re-drive as its row has it: what was asked, by whom, and how far it is. */
export type Redrive = {
  readonly id: number;
  readonly state: 'running' | 'finished' | 'abandoned';
  readonly by: string;
  readonly reason: string;
  readonly correction: Correction | null;
  readonly perSecond: number;
  readonly letters: number;
  readonly causes: Causes;
  /** Letters that Kafka has; of the others some may be there, too. */
  readonly sent: number;
  /** Letters that Kafka refuses: they are open again. */
  readonly refused: number;
  readonly position: LetterPosition;
};

/** All letters up to here are done, in this order. */
export type LetterPosition = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** A topic that was deleted and made anew has the same offsets again. */
  readonly timestamp: number;
};

export type WaitingLetter = LetterPosition & {
  readonly id: number;
  readonly originTopic: string | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
};

const READ_BYTES = 8 * 1024 * 1024;
const VALIDATED_AT_ONCE = 500;
const PROBLEMS_TOLD = 5;

/**
 * Marks what is to be sent, by one statement, and notes who wants it and why.
 * @returns undefined when there is nothing: then nothing is noted
 * @throws when a correction does not make a valid command of each
 */
export async function takeLetters(
  sql: Sql,
  { filter, perSecond, correction }: RedriveOrder,
  { reason, by }: { readonly reason: string; readonly by: string },
): Promise<Redrive | undefined> {
  const [row] = await sql<{ id: string }>(
    `INSERT INTO redrives (begun_by, reason, filter, correction, per_second, letters, causes) VALUES ($1, $2, $3, $4, $5, 0, '{}')
     RETURNING id`,
    [
      by,
      reason,
      JSON.stringify(filter),
      correction === undefined ? null : JSON.stringify(correction),
      perSecond,
    ],
  );
  const id = Number(row?.id);
  const parameters = new Parameters();
  const redrive = parameters.add(id);
  const choice = { filter, renews: correction?.expiresAt !== undefined };
  const rows = await sql<{ cause: string; letters: number }>(
    `WITH taken AS (
       UPDATE dead_letters d SET state = 'redriven', redrive = ${redrive}
       WHERE d.state = 'open' AND ${conditionOf(filter, parameters)} AND ${leftOutSql(choice)} IS NULL RETURNING d.cause)
     SELECT cause, count(*)::integer AS letters FROM taken GROUP BY 1 ORDER BY 2 DESC, 1`,
    parameters.values,
  );
  const letters = rows.reduce((sum, one) => sum + one.letters, 0);
  if (letters === 0) {
    await sql('DELETE FROM redrives WHERE id = $1', [id]);
    return undefined;
  }
  const causes = Object.fromEntries(rows.map(({ cause, letters: some }) => [cause, some]));
  await sql('UPDATE redrives SET letters = $2, causes = $3 WHERE id = $1', [
    id,
    letters,
    JSON.stringify(causes),
  ]);
  if (correction !== undefined) await checkCorrections(sql, id, correction);
  return readRedrive(sql, id);
}

/** Nothing is sent of a re-drive of which one would be no command. */
async function checkCorrections(sql: Sql, id: number, correction: Correction): Promise<void> {
  const problems: string[] = [];
  for (let position: LetterPosition = { topic: '', partition: 0, offset: -1, timestamp: 0 }; ;) {
    const letters = await nextLetters(sql, id, position, VALIDATED_AT_ONCE);
    const last = letters.at(-1);
    if (last === undefined) break;
    position = last;
    for (const letter of letters) {
      const corrected =
        letter.topic === letterTopics.outbound
          ? correctCommand(letter.value, correction)
          : { ok: false as const, problems: ['it is a webhook, not a command: add --topic outbound'] };
      if (!corrected.ok) problems.push(`${letter.id}: ${corrected.problems.join('; ')}`);
    }
  }
  if (problems.length === 0) return;
  const more = problems.length > PROBLEMS_TOLD ? [`and ${problems.length - PROBLEMS_TOLD} more`] : [];
  throw new Error(
    [
      'With this correction these would not be valid commands, so nothing is sent:',
      ...problems.slice(0, PROBLEMS_TOLD),
      ...more,
    ].join('\n  '),
  );
}

/** The next letters to be sent, in order: at most so many, and not many more bytes than memory should hold. */
export async function nextLetters(
  sql: Sql,
  id: number,
  after: LetterPosition,
  most: number,
): Promise<WaitingLetter[]> {
  const rows = await sql<WaitingLetter & { id: string; offset: string; timestamp: string }>(
    `SELECT id, topic, partition, record_offset AS offset, record_timestamp AS timestamp, origin_topic AS "originTopic", key, value, headers
     FROM (
       SELECT *, sum(octet_length(value)) OVER (ORDER BY topic, partition, record_offset, record_timestamp) - octet_length(value) AS bytes_before
       FROM (
         SELECT * FROM dead_letters WHERE redrive = $1 AND (topic, partition, record_offset, record_timestamp) > ($2, $3, $4, $5)
         ORDER BY topic, partition, record_offset, record_timestamp LIMIT $6) AS next) AS l
     WHERE bytes_before < $7 ORDER BY topic, partition, record_offset, record_timestamp`,
    [id, after.topic, after.partition, after.offset, after.timestamp, most, READ_BYTES],
  );
  return rows.map((row) => ({
    ...row,
    id: Number(row.id),
    offset: Number(row.offset),
    timestamp: Number(row.timestamp),
  }));
}

const REDRIVE_COLUMNS = `id::integer, state, begun_by AS by, reason, correction, per_second AS "perSecond", letters::integer, causes,
  sent::integer, refused::integer,
  json_build_object('topic', sent_topic, 'partition', sent_partition, 'offset', sent_offset, 'timestamp', sent_timestamp) AS position`;

/** @throws when there is none */
export async function readRedrive(sql: Sql, id: number): Promise<Redrive> {
  const [row] = await sql<Redrive>(`SELECT ${REDRIVE_COLUMNS} FROM redrives WHERE id = $1`, [id]);
  if (row === undefined) throw new NotFoundError(`there is no re-drive ${id}`);
  return row;
}

/** Re-drives that are under way, or were interrupted. */
export function runningRedrives(sql: Sql): Promise<Redrive[]> {
  return sql<Redrive>(`SELECT ${REDRIVE_COLUMNS} FROM redrives WHERE state = 'running' ORDER BY id`);
}

/** Notes what Kafka has; what it refuses is open again. In the caller's transaction. */
export async function noteSent(
  sql: Sql,
  id: number,
  { topic, partition, offset, timestamp }: LetterPosition,
  { sent, refused }: { readonly sent: number; readonly refused: readonly number[] },
): Promise<void> {
  if (refused.length > 0) await reopen(sql, id, 'id = ANY ($2::bigint[])', [refused]);
  await sql(
    `UPDATE redrives SET sent = sent + $2, refused = refused + $3, sent_topic = $4, sent_partition = $5, sent_offset = $6,
                         sent_timestamp = $7
     WHERE id = $1`,
    [id, sent, refused.length, topic, partition, offset, timestamp],
  );
}

export async function finishRedrive(sql: Sql, id: number): Promise<void> {
  await sql(`UPDATE redrives SET state = 'finished', finished_at = now() WHERE id = $1`, [id]);
}

/** Ends a re-drive. In the caller's transaction. @returns how many letters are open again */
export async function abandonRedrive(sql: Sql, { id, position }: Redrive): Promise<number> {
  const { topic, partition, offset, timestamp } = position;
  const reopened = await reopen(
    sql,
    id,
    '(topic, partition, record_offset, record_timestamp) > ($2, $3, $4, $5)',
    [...[topic, partition, offset, timestamp]],
  );
  await sql(`UPDATE redrives SET state = 'abandoned', finished_at = now() WHERE id = $1`, [id]);
  return reopened;
}

async function reopen(sql: Sql, id: number, which: string, values: readonly unknown[]): Promise<number> {
  const rows = await sql(
    `UPDATE dead_letters SET state = 'open', redrive = NULL WHERE redrive = $1 AND ${which} RETURNING id`,
    [id, ...values],
  );
  return rows.length;
}
