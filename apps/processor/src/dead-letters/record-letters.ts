import { type Sql } from '@talaria/database';
import { type KafkaRecord } from '@talaria/kafka';
import { type Letter } from './read-letter';

export type FoundLetter = { readonly record: KafkaRecord; readonly letter: Letter };

/**
 * Writes letters, with their bytes; those that are there already stay as they are.
 * @returns those that are new
 */
export async function recordLetters(sql: Sql, all: readonly FoundLetter[]): Promise<FoundLetter[]> {
  if (all.length === 0) return [];
  const { topic = '', partition = 0 } = all[0]?.record ?? {};
  const column = (read: (one: FoundLetter) => unknown) => all.map(read);
  const rows = await sql<{ record_offset: string }>(
    `INSERT INTO dead_letters (topic, partition, record_offset, record_timestamp, dead_at, cause, class, code, message, fbtrace_id, attempts,
                               first_failure_at, last_failure_at, origin_topic, origin_partition, origin_offset, trace_id,
                               waba_id, phone_number_id, command_id, campaign_id, expires_at, key, value, headers)
     SELECT $1, $2, t.* FROM unnest($3::bigint[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::integer[], $9::text[], $10::text[],
       $11::integer[], $12::timestamptz[], $13::timestamptz[], $14::text[], $15::integer[], $16::bigint[], $17::text[], $18::text[],
       $19::text[], $20::text[], $21::text[], $22::timestamptz[], $23::bytea[], $24::bytea[], $25::json[]) AS t
     ON CONFLICT (topic, partition, record_offset, record_timestamp) DO NOTHING
     RETURNING record_offset`,
    [
      topic,
      partition,
      column(({ record }) => record.offset),
      column(({ record }) => record.timestamp),
      column(({ letter }) => letter.deadAt),
      column(({ letter }) => letter.cause),
      column(({ letter }) => letter.class),
      column(({ letter }) => letter.code),
      column(({ letter }) => letter.message),
      column(({ letter }) => letter.fbtraceId),
      column(({ letter }) => letter.attempts),
      column(({ letter }) => letter.firstFailureAt),
      column(({ letter }) => letter.lastFailureAt),
      column(({ letter }) => letter.originTopic),
      column(({ letter }) => letter.originPartition),
      column(({ letter }) => letter.originOffset),
      column(({ letter }) => letter.traceId),
      column(({ letter }) => letter.wabaId),
      column(({ letter }) => letter.phoneNumberId),
      column(({ letter }) => letter.commandId),
      column(({ letter }) => letter.campaignId),
      column(({ letter }) => letter.expiresAt),
      column(({ record }) => record.key),
      column(({ record }) => record.value),
      column(({ record }) => JSON.stringify(record.headers)),
    ],
  );
  const fresh = new Set(rows.map((row) => Number(row.record_offset)));
  return all.filter(({ record }) => fresh.has(record.offset));
}
