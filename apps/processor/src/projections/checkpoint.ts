import { schemaOf, type Sql } from '@talaria/database';
import { type KafkaRecord, type RecordBatch } from '@talaria/kafka';

export type Checkpoint = {
  /** The records that were not projected before. */
  readonly unseen: readonly KafkaRecord[];
  /** Of records from here on this version tells what is new, and dead-letters; undefined when it is not the live one. */
  readonly publishFrom: number | undefined;
  /** The first month that is kept: facts of earlier ones are let go. */
  readonly keptFrom: string;
};

/** This version is not live, and the batch reaches beyond what the live one has projected: events of the rest are still to be told there. */
export class BeyondLiveError extends Error {
  override name = 'BeyondLiveError';
  constructor(readonly liveNext: number) {
    super(`the live projection has got to ${liveNext}`);
  }
}

/**
 * Takes the partition's checkpoint for this transaction and moves it past the given records. Whoever held it before is finished when
 * this returns: two owners of a partition never write at the same time.
 * @throws {BeyondLiveError}
 * @throws when the database is further than the log: then one of the two is not the one it was
 */
export async function moveCheckpoint(
  sql: Sql,
  { topic, partition, highWatermark, lost }: RecordBatch,
  records: readonly KafkaRecord[],
): Promise<Checkpoint> {
  const checkpoint = (await lock(sql, topic, partition)) ?? (await begin(sql, topic, partition));
  const next = Number(checkpoint.next_offset);
  // Of a partition that is lost, the batch may know an end of the log that its new owner has passed.
  if (next > highWatermark && !lost.aborted) {
    throw new Error(
      `projection_checkpoints says that ${topic}/${partition} is projected up to ${next}, but it ends at ${highWatermark}: ` +
        `the topic was made anew or this is another cluster. Point DATABASE_URL to the database that belongs to it, or delete this checkpoint.`,
    );
  }
  const unseen = records.filter(({ offset }) => offset >= next);
  const last = unseen.at(-1);
  if (last !== undefined) {
    if (checkpoint.publish_from === null) await stayBehindLive(sql, topic, partition, last.offset);
    await sql(`UPDATE projection_checkpoints SET next_offset = $3 WHERE topic = $1 AND partition = $2`, [
      topic,
      partition,
      last.offset + 1,
    ]);
  }
  const publishFrom = checkpoint.publish_from === null ? undefined : Number(checkpoint.publish_from);
  return { unseen, publishFrom, keptFrom: checkpoint.kept_from };
}

/** The first record of a partition that this version has not projected: it goes on there, whatever its group has committed. */
export async function readPosition(sql: Sql, topic: string, partition: number): Promise<number> {
  const [row] = await sql<{ next_offset: string }>(
    'SELECT next_offset FROM projection_checkpoints WHERE topic = $1 AND partition = $2',
    [topic, partition],
  );
  return Number(row?.next_offset ?? 0);
}

type CheckpointRow = {
  readonly next_offset: string;
  readonly publish_from: string | null;
  readonly kept_from: string;
};

async function lock(sql: Sql, topic: string, partition: number): Promise<CheckpointRow | undefined> {
  const [row] = await sql<CheckpointRow>(
    `SELECT next_offset, publish_from, (SELECT kept_from::text FROM public.projection_retention) AS kept_from
     FROM projection_checkpoints WHERE topic = $1 AND partition = $2 FOR UPDATE`,
    [topic, partition],
  );
  return row;
}

/** A partition that this version has never seen: the live one tells everything of it. */
async function begin(sql: Sql, topic: string, partition: number): Promise<CheckpointRow> {
  await sql(
    `INSERT INTO projection_checkpoints (topic, partition, next_offset, publish_from)
     SELECT $1, $2, 0, CASE WHEN state = 'live' THEN 0 END FROM public.projections WHERE 'projection_' || version = current_schema()
     ON CONFLICT DO NOTHING`,
    [topic, partition],
  );
  const row = await lock(sql, topic, partition);
  if (row === undefined)
    throw new Error(`projections does not list ${topic}/${partition}'s version any more`);
  return row;
}

/**
 * Whoever is promoted tells events from where the version before it got to. So no version may ever be further than that: what it has
 * passed silently would never be told.
 */
async function stayBehindLive(sql: Sql, topic: string, partition: number, offset: number): Promise<void> {
  const [live] = await sql<{ version: number }>(
    `SELECT version FROM public.projections WHERE state = 'live'`,
  );
  const [reached] =
    live === undefined
      ? []
      : await sql<{ next_offset: string }>(
          `SELECT next_offset FROM ${schemaOf(live.version)}.projection_checkpoints WHERE topic = $1 AND partition = $2`,
          [topic, partition],
        );
  const liveNext = Number(reached?.next_offset ?? 0);
  if (offset >= liveNext) throw new BeyondLiveError(liveNext);
}
