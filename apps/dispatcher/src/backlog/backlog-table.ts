import { arrayOf, type Sql } from '@talaria/database';
import { type KafkaRecord } from '@talaria/kafka';
import { priorities, type Priority } from '../lanes/scheduler';
import { type Place } from './tails';

/** A command on its way into the table. */
export type Parking = {
  readonly record: KafkaRecord;
  readonly position: number;
  readonly phoneNumberId: string;
  readonly priority: Priority;
  readonly wabaId: string;
  readonly commandId: string;
  readonly campaignId: string | undefined;
  readonly recipient: string;
};

export type LaneKey = {
  readonly partition: number;
  readonly phoneNumberId: string;
  readonly priority: Priority;
};

export type Parked = Place & LaneKey & { readonly record: KafkaRecord };

/** The next of a lane and priority. */
export type Wanted = LaneKey & {
  readonly after: Place;
  /** Only what stands before this position. */
  readonly before: number;
  readonly limit: number;
};

/** The table behind the lanes. Every statement serves many lanes and finds its rows by the primary key. */
export type BacklogTable = {
  /** How many are parked by lane and priority, and where the last of each stands. */
  lanes(partition: number): Promise<(LaneKey & { readonly depth: number; readonly lastPosition: number })[]>;
  /** The last that is parked for each recipient. */
  lastOf(
    partition: number,
    recipients: readonly { readonly lane: string; readonly recipient: string }[],
  ): Promise<(Place & { readonly lane: string; readonly recipient: string; readonly priority: Priority })[]>;
  /** Writes them. A record that is there already stays one, and has the place and priority that it is given now. */
  park(partition: number, parkings: readonly Parking[]): Promise<void>;
  /** In their order; of each lane at least one if there is any, and then as many as fit. */
  load(wanted: readonly Wanted[]): Promise<Parked[]>;
  /** Puts all before what will have a position from 0 on, in their order. Takes as many statements as it needs. */
  putFirst(partition: number): Promise<void>;
  /** By their records, since their places may have changed meanwhile. */
  remove(records: readonly KafkaRecord[]): Promise<void>;
};

/** What one lane may bring into memory by one statement. */
const LOAD_BYTES = 256 * 1024;
const MOVED_AT_ONCE = 10_000;

export function createBacklogTable(sql: Sql): BacklogTable {
  return {
    async lanes(partition) {
      const rows = await sql<{ phone_number_id: string; priority: number; depth: string; last: string }>(
        `SELECT l.phone_number_id, l.priority, l.depth, last.position AS last
         FROM dispatch_backlog_lanes l
         CROSS JOIN LATERAL (
           SELECT b.position FROM dispatch_backlog b
           WHERE b.partition = l.partition AND b.phone_number_id = l.phone_number_id AND b.priority = l.priority
           ORDER BY b.position DESC, b.id DESC LIMIT 1) AS last
         WHERE l.partition = $1 AND l.depth > 0`,
        [partition],
      );
      return rows.map((row) => ({
        ...laneKeyOf({ ...row, partition }),
        ...{ depth: Number(row.depth), lastPosition: Number(row.last) },
      }));
    },
    lastOf: (partition, recipients) => lastOf(sql, partition, recipients),
    park: (partition, parkings) => park(sql, partition, parkings),
    load: (wanted) => load(sql, wanted),
    putFirst: (partition) => putFirst(sql, partition),
    async remove(records) {
      await sql(
        `DELETE FROM dispatch_backlog b
         USING unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[]) AS t (partition, source_topic, source_offset, source_timestamp)
         WHERE (b.partition, b.source_topic, b.source_offset, b.source_timestamp)
             = (t.partition, t.source_topic, t.source_offset, t.source_timestamp)`,
        [
          arrayOf.integer(records.map(({ partition }) => partition)),
          arrayOf.text(records.map(({ topic }) => topic)),
          arrayOf.bigint(records.map(({ offset }) => offset)),
          arrayOf.bigint(records.map(({ timestamp }) => timestamp)),
        ],
      );
    },
  };
}

/** The last ones move last, so that whoever goes on with what another has begun moves the rest by as much. */
async function putFirst(sql: Sql, partition: number): Promise<void> {
  for (let isMoved = true; isMoved;) {
    const [moved] = await sql<{ count: string }>(
      `WITH moved AS (
         UPDATE dispatch_backlog b SET position = b.position - (SELECT max(position) FROM dispatch_backlog WHERE partition = $1) - 1
         FROM (SELECT id FROM dispatch_backlog WHERE partition = $1 AND position >= 0 ORDER BY position, id LIMIT $2) AS next
         WHERE b.partition = $1 AND b.id = next.id
         RETURNING 1)
       SELECT count(*) FROM moved`,
      [partition, MOVED_AT_ONCE],
    );
    isMoved = Number(moved?.count) > 0;
  }
}

type LaneRow = { readonly partition: number; readonly phone_number_id: string; readonly priority: number };

function laneKeyOf({ partition, phone_number_id, priority }: LaneRow): LaneKey {
  return { partition, phoneNumberId: phone_number_id, priority: priorities[priority] ?? 'campaign' };
}

const codeOf = (priority: Priority) => priorities.indexOf(priority);

function laneColumns(lanes: readonly LaneKey[]): unknown[] {
  return [
    arrayOf.integer(lanes.map(({ partition }) => partition)),
    arrayOf.text(lanes.map(({ phoneNumberId }) => phoneNumberId)),
    arrayOf.smallint(lanes.map(({ priority }) => codeOf(priority))),
  ];
}

async function lastOf(
  sql: Sql,
  partition: number,
  recipients: readonly { readonly lane: string; readonly recipient: string }[],
) {
  const rows = await sql<{ lane: string; recipient: string; priority: number; position: string; id: string }>(
    `SELECT t.lane, t.recipient, last.priority, last.position, last.id
     FROM unnest($2::text[], $3::text[]) AS t (lane, recipient)
     CROSS JOIN LATERAL (
       SELECT priority, position, id FROM dispatch_backlog b
       WHERE b.partition = $1 AND b.phone_number_id = t.lane AND b.recipient = t.recipient
       ORDER BY b.position DESC, b.id DESC LIMIT 1) AS last`,
    [
      partition,
      arrayOf.text(recipients.map(({ lane }) => lane)),
      arrayOf.text(recipients.map(({ recipient }) => recipient)),
    ],
  );
  return rows.map(({ lane, recipient, priority, position, id }) => ({
    ...{ lane, recipient, priority: priorities[priority] ?? 'campaign' },
    ...{ position: Number(position), id: Number(id) },
  }));
}

async function park(sql: Sql, partition: number, parkings: readonly Parking[]): Promise<void> {
  await sql(
    `INSERT INTO dispatch_backlog (partition, phone_number_id, priority, position, waba_id, command_id, campaign_id, recipient,
                                   source_topic, source_offset, source_timestamp, key, value, headers)
     SELECT $1, phone_number_id, priority, position, waba_id, command_id, campaign_id, recipient,
            source_topic, source_offset, source_timestamp, key, value, headers
     FROM unnest($2::text[], $3::smallint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
                 $11::bigint[], $12::bytea[], $13::bytea[], $14::json[])
       WITH ORDINALITY AS t (phone_number_id, priority, position, waba_id, command_id, campaign_id, recipient, source_topic, source_offset,
                             source_timestamp, key, value, headers, place)
     ORDER BY place
     ON CONFLICT (partition, source_topic, source_offset, source_timestamp) DO UPDATE SET priority = excluded.priority, position = excluded.position`,
    [
      partition,
      arrayOf.text(parkings.map(({ phoneNumberId }) => phoneNumberId)),
      arrayOf.smallint(parkings.map(({ priority }) => codeOf(priority))),
      arrayOf.bigint(parkings.map(({ position }) => position)),
      arrayOf.text(parkings.map(({ wabaId }) => wabaId)),
      arrayOf.text(parkings.map(({ commandId }) => commandId)),
      arrayOf.text(parkings.map(({ campaignId }) => campaignId ?? null)),
      arrayOf.text(parkings.map(({ recipient }) => recipient)),
      arrayOf.text(parkings.map(({ record }) => record.topic)),
      arrayOf.bigint(parkings.map(({ record }) => record.offset)),
      arrayOf.bigint(parkings.map(({ record }) => record.timestamp)),
      arrayOf.bytea(parkings.map(({ record }) => record.key)),
      arrayOf.bytea(parkings.map(({ record }) => record.value)),
      arrayOf.json(parkings.map(({ record }) => JSON.stringify(record.headers))),
    ],
  );
}

type ParkedRow = LaneRow & {
  readonly position: string;
  readonly id: string;
  readonly source_topic: string;
  readonly source_offset: string;
  readonly source_timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
};

/** The sizes, as they will be in memory, are summed up before anything large is read: Postgres keeps it outside of the row, and packed. */
async function load(sql: Sql, wanted: readonly Wanted[]): Promise<Parked[]> {
  const rows = await sql<ParkedRow>(
    `SELECT b.* FROM unnest($1::integer[], $2::text[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::integer[])
       WITH ORDINALITY AS w (partition, phone_number_id, priority, position, id, before, wanted, place)
     CROSS JOIN LATERAL (
       SELECT *, sum(size) OVER (ORDER BY position, id) - size AS bytes_before
       FROM (
         SELECT *, octet_length(value) + octet_length(headers::text) AS size FROM dispatch_backlog b
         WHERE b.partition = w.partition AND b.phone_number_id = w.phone_number_id AND b.priority = w.priority
           AND (b.position, b.id) > (w.position, w.id) AND b.position < w.before
         ORDER BY b.position, b.id LIMIT w.wanted) AS next) AS b
     WHERE b.bytes_before < $8
     ORDER BY w.place, b.position, b.id`,
    [
      ...laneColumns(wanted),
      arrayOf.bigint(wanted.map(({ after }) => after.position)),
      arrayOf.bigint(wanted.map(({ after }) => after.id)),
      arrayOf.bigint(wanted.map(({ before }) => before)),
      arrayOf.integer(wanted.map(({ limit }) => limit)),
      LOAD_BYTES,
    ],
  );
  return rows.map((row) => ({
    position: Number(row.position),
    id: Number(row.id),
    record: {
      topic: row.source_topic,
      partition: row.partition,
      offset: Number(row.source_offset),
      timestamp: Number(row.source_timestamp),
      key: row.key,
      value: row.value,
      headers: row.headers,
    },
    ...laneKeyOf(row),
  }));
}
