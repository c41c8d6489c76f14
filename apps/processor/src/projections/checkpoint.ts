import { type Sql } from '@talaria/database';
import { type KafkaRecord, type RecordBatch } from '@talaria/kafka';

/**
 * Takes the partition's checkpoint for this transaction and moves it past the given records. Whoever held it before is finished when
 * this returns: two owners of a partition never write at the same time.
 * @returns the records that were not projected before
 * @throws when the database is further than the log: then one of the two is not the one it was
 */
export async function moveCheckpoint(
  sql: Sql,
  { topic, partition, highWatermark, lost }: RecordBatch,
  records: readonly KafkaRecord[],
): Promise<readonly KafkaRecord[]> {
  await sql(
    `INSERT INTO projection_checkpoints (topic, partition, next_offset) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING`,
    [topic, partition],
  );
  const [checkpoint] = await sql<{ next_offset: string }>(
    `SELECT next_offset FROM projection_checkpoints WHERE topic = $1 AND partition = $2 FOR UPDATE`,
    [topic, partition],
  );
  const next = Number(checkpoint?.next_offset ?? 0);
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
    await sql(`UPDATE projection_checkpoints SET next_offset = $3 WHERE topic = $1 AND partition = $2`, [
      topic,
      partition,
      last.offset + 1,
    ]);
  }
  return unseen;
}
