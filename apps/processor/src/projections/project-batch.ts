import { setTimeout as delay } from 'node:timers/promises';
import { cloudEventHeaders, type DeadLetterCause, deadLetterHeaders, topics } from '@talaria/contracts';
import {
  classifyDatabaseError,
  inTransaction,
  isMonthMissing,
  isStatementTimeout,
  type Sql,
} from '@talaria/database';
import {
  type KafkaRecord,
  NotWrittenError,
  type RecordBatch,
  type Taken,
  type VerifiedProducer,
} from '@talaria/kafka';
import { inBatchSpans, type Logger } from '@talaria/observability';
import { type Context, context } from '@opentelemetry/api';
import { type DataSource } from 'typeorm';
import { type InboundReport } from '../inbound/report-inbound';
import { dataOf, type KeyedEvent } from '../webhooks/events-of';
import { BeyondLiveError, type Checkpoint, moveCheckpoint } from './checkpoint';
import { noteFailure, noteSuccess, timeoutsOf } from './failing-batches';
import { ensureMonths, forgetMonths } from './months';
import { projectedRecords } from './projection.metrics';
import { type ProjectionTraces } from './trace-projection';

/** How the records of a topic become rows. */
export type Projection<Row> = {
  /** Pure. @returns undefined for a record that can never be read */
  readonly translate: (record: KafkaRecord) => Row | undefined;
  /** The months that partitions are needed of. */
  readonly monthsOf: (rows: readonly Row[]) => Iterable<string>;
  /** Writes rows, in the transaction of the checkpoint. */
  readonly write: (sql: Sql, rows: readonly Row[], keptFrom: string) => Promise<FirstTold>;
  /**
   * Acts, in the same transaction, on events that are about to be told. Never on what was told before.
   * @returns called after the commit
   */
  readonly act?: (sql: Sql, events: readonly KeyedEvent[]) => Promise<() => void>;
  /** Told, after the commit, of the rows whose events this version told: each once, but for a crash. */
  readonly onTold?: (rows: readonly Row[]) => void;
  readonly traces?: ProjectionTraces<Row>;
};

/** What is new in rows that were written. */
export type FirstTold = {
  /** Told before the transaction commits. */
  readonly events: readonly KeyedEvent[];
  /** Called after it, where the events were told. */
  readonly count: () => void;
};

export const nothingNew: FirstTold = { events: [], count: () => undefined };

export type ProjectionDependencies = {
  /** On the tables of one projection version. */
  readonly dataSource: DataSource;
  readonly producer: VerifiedProducer;
  readonly logger: Logger;
  readonly inbound?: InboundReport | undefined;
  /** False for a version that is being built: whatever it projects was projected before. Default: true. */
  readonly isLive?: () => boolean;
};

type Read<Row> = { readonly record: KafkaRecord; readonly row: Row | undefined; readonly fault: string };

/** Two transactions that met try again at once; more often than this, something else is wrong. */
const CONFLICT_RETRIES = 10;
const CONFLICT_PAUSE_MS = 20;
/** A transaction that waits for Kafka holds locks: rather let the batch come again. */
const PUBLISH_WITHIN_MS = 10_000;
/** A batch that took too long so often is taken record by record. */
const TIMEOUTS = 3;
/** A database that does not write two small rows within this time is slow itself, and no record is to blame. */
const GIVE_UP_WITHIN_MS = 500;
/** How soon a version that has come up to the live one looks whether that has gone on. */
const FOLLOW_MS = 100;

/**
 * Projects a batch: rows and checkpoint in one transaction. When its content is refused, the batch is split until the record at fault
 * is alone; that one goes to the dead letters, the others are written. A database that is away is thrown to the consumer, which waits. So is
 * a statement that takes too long; the fourth time the records are taken one by one, and one that takes too long alone goes to the dead
 * letters. A version that is not live stays behind the live one, and takes the rest of the batch later.
 */
export async function projectBatch<Row>(
  dependencies: ProjectionDependencies,
  projection: Projection<Row>,
  batch: RecordBatch,
): Promise<Taken | undefined> {
  if (batch.records.length === 0) return undefined;
  try {
    const replay = dependencies.isLive?.() === false ? 'rebuild' : undefined;
    const about = projection.traces?.about ?? (() => ({}));
    const taken = await inBatchSpans(batch.topic, batch.records, { about, replay }, (contexts) =>
      projectUpToLive(dependencies, projection, batch, contexts),
    );
    noteSuccess(dependencies.dataSource, batch);
    for (const { offset } of batch.records.slice(0, taken)) batch.done(offset);
    return taken === batch.records.length ? undefined : { taken, resume: delay(FOLLOW_MS) };
  } catch (error) {
    noteFailure(dependencies.dataSource, batch, error);
    throw error;
  }
}

/**
 * @param contexts of the records' spans, where there are any
 * @returns how many records were projected
 */
async function projectUpToLive<Row>(
  dependencies: ProjectionDependencies,
  { translate, monthsOf, write, act = actOnNothing, onTold = () => undefined, traces }: Projection<Row>,
  batch: RecordBatch,
  contexts: readonly Context[],
): Promise<number> {
  const read = batch.records.map((record) => ({ record, ...attemptTo(() => translate(record)) }));
  const prepare = (some: readonly Read<Row>[]) =>
    ensureMonths(dependencies.dataSource, monthsOf(rowsOf(some)));
  const oneByOne = timeoutsOf(dependencies.dataSource, batch) >= TIMEOUTS;
  const traceOf = traceEvents(read, contexts, traces?.eventIdsOf);
  const work = { write, act, prepare, onTold, oneByOne, traceOf };
  try {
    await projectRead(dependencies, work, batch, read);
    return read.length;
  } catch (error) {
    if (!(error instanceof BeyondLiveError)) throw error;
    const allowed = read.filter(({ record }) => record.offset < error.liveNext);
    if (allowed.length > 0) await projectRead(dependencies, work, batch, allowed);
    return allowed.length;
  }
}

const actOnNothing = () => Promise.resolve(() => undefined);

type Work<Row> = {
  readonly write: Projection<Row>['write'];
  readonly act: NonNullable<Projection<Row>['act']>;
  /** Outside of the transaction. */
  readonly prepare: (some: readonly Read<Row>[]) => Promise<void>;
  readonly onTold: (rows: readonly Row[]) => void;
  /** The batch has taken too long too often. */
  readonly oneByOne: boolean;
  /** Where an event is told: in the trace of the record that it came of, when that is known. */
  readonly traceOf: (event: KeyedEvent) => Context | undefined;
};

function traceEvents<Row>(
  read: readonly Read<Row>[],
  contexts: readonly Context[],
  eventIdsOf: ProjectionTraces<Row>['eventIdsOf'] = () => [],
): Work<Row>['traceOf'] {
  if (contexts.length === 0) return () => undefined;
  const byId = new Map<string, Context>();
  for (const [index, { row }] of read.entries()) {
    const traced = contexts[index];
    if (row === undefined || traced === undefined) continue;
    for (const id of eventIdsOf(row)) if (!byId.has(id)) byId.set(id, traced);
  }
  return ({ event }) => byId.get(event.id);
}

async function projectRead<Row>(
  dependencies: ProjectionDependencies,
  work: Work<Row>,
  batch: RecordBatch,
  some: readonly Read<Row>[],
): Promise<void> {
  if (work.oneByOne && some.length > 1) {
    for (const one of some) {
      batch.alive();
      await projectRead(dependencies, work, batch, [one]);
    }
    return;
  }
  try {
    await writeAll(dependencies, work, batch, some);
  } catch (error) {
    const isTooSlow = work.oneByOne && isStatementTimeout(error);
    if (!isTooSlow && !isContentRefused(error)) throw error;
    const [only] = some;
    if (only !== undefined && some.length === 1) {
      await giveUp(dependencies, batch, only.record, error);
      return;
    }
    const half = Math.ceil(some.length / 2);
    await projectRead(dependencies, work, batch, some.slice(0, half));
    await projectRead(dependencies, work, batch, some.slice(half));
  }
}

/** Instead of its rows, in a transaction of its own. */
async function giveUp(
  dependencies: ProjectionDependencies,
  batch: RecordBatch,
  record: KafkaRecord,
  error: unknown,
): Promise<void> {
  const isTooSlow = isStatementTimeout(error);
  const skipped = await inTransaction(dependencies.dataSource, async (sql) => {
    if (isTooSlow) await sql(`SET LOCAL statement_timeout = ${GIVE_UP_WITHIN_MS}`);
    const { unseen, publishFrom } = await moveCheckpoint(sql, batch, [record]);
    if (unseen.length > 0)
      await skip(sql, dependencies, record, publishFrom, isTooSlow ? 'exhausted' : 'data', reasonOf(error));
    return unseen.length;
  });
  projectedRecords.inc({ result: 'dead_lettered' }, skipped);
}

/** Whether the same content would be refused again, however long we wait. */
function isContentRefused(error: unknown): boolean {
  return (
    classifyDatabaseError(error) === 'data' ||
    (error instanceof NotWrittenError && error.reason === 'refused')
  );
}

async function writeAll<Row>(
  dependencies: ProjectionDependencies,
  work: Work<Row>,
  batch: RecordBatch,
  some: readonly Read<Row>[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work.prepare(some);
      const { projected, repeated, unreadable, told, report } = await inTransaction(
        dependencies.dataSource,
        (sql) => writeUnseen(sql, dependencies, work, batch, some),
      );
      projectedRecords.inc({ result: 'projected' }, projected);
      projectedRecords.inc({ result: 'repeated' }, repeated);
      projectedRecords.inc({ result: 'dead_lettered' }, unreadable);
      work.onTold(told);
      report();
      return;
    } catch (error) {
      if (classifyDatabaseError(error) !== 'conflict' || attempt === CONFLICT_RETRIES) throw error;
      if (isMonthMissing(error)) forgetMonths(dependencies.dataSource);
      await delay(Math.random() * CONFLICT_PAUSE_MS * attempt);
    }
  }
}

type Written<Row> = {
  readonly projected: number;
  readonly repeated: number;
  readonly unreadable: number;
  readonly told: readonly Row[];
  readonly report: () => void;
};

async function writeUnseen<Row>(
  sql: Sql,
  dependencies: ProjectionDependencies,
  { write, act, traceOf }: Work<Row>,
  batch: RecordBatch,
  some: readonly Read<Row>[],
): Promise<Written<Row>> {
  const checkpoint = await moveCheckpoint(
    sql,
    batch,
    some.map(({ record }) => record),
  );
  const { unseen, publishFrom = Infinity, keptFrom } = checkpoint;
  const first = unseen[0]?.offset ?? Infinity;
  const fresh = some.filter(({ record }) => record.offset >= first);
  const silent = fresh.filter(({ record }) => record.offset < publishFrom);
  const told = fresh.filter(({ record }) => record.offset >= publishFrom);
  if (silent.length > 0) await write(sql, rowsOf(silent), keptFrom);
  const { events, count } = told.length > 0 ? await write(sql, rowsOf(told), keptFrom) : nothingNew;
  const report = await act(sql, events);
  await tell(dependencies.producer, events, traceOf);
  // Last: what fails before this comes again, and would be dead-lettered again.
  const unreadable = fresh.filter(({ row }) => row === undefined);
  for (const { record, fault } of unreadable) {
    await skip(sql, dependencies, record, checkpoint.publishFrom, 'decode', fault);
  }
  return {
    projected: fresh.length - unreadable.length,
    repeated: some.length - fresh.length,
    unreadable: unreadable.length,
    told: rowsOf(told),
    report() {
      count();
      report();
    },
  };
}

function rowsOf<Row>(some: readonly Read<Row>[]): Row[] {
  return some.flatMap(({ row }) => (row === undefined ? [] : [row]));
}

/** Events leave before the transaction commits: after a crash they are told again, and none is ever missing. */
async function tell(
  producer: VerifiedProducer,
  events: readonly KeyedEvent[],
  traceOf: Work<unknown>['traceOf'],
): Promise<void> {
  const send = (one: KeyedEvent) =>
    producer.send(
      {
        topic: topics.events.name,
        key: one.key,
        value: dataOf(one),
        headers: cloudEventHeaders(one.event),
      },
      { timeoutMs: PUBLISH_WITHIN_MS },
    );
  await Promise.all(
    events.map((one) => {
      const traced = traceOf(one);
      return traced === undefined ? send(one) : context.with(traced, send, undefined, one);
    }),
  );
}

/** A record that breaks its translation would break it every time: it must not hold up those behind it. */
function attemptTo<Row>(translate: () => Row | undefined): Omit<Read<Row>, 'record'> {
  try {
    return { row: translate(), fault: 'not what this topic holds' };
  } catch (error) {
    const name = error instanceof Error ? error.name : 'unknown';
    return { row: undefined, fault: `its translation failed: ${name}` };
  }
}

/** Notes a record that cannot be projected, and dead-letters it where this version tells what happens. */
async function skip(
  sql: Sql,
  { producer, logger }: ProjectionDependencies,
  record: KafkaRecord,
  publishFrom: Checkpoint['publishFrom'],
  cause: DeadLetterCause,
  message: string,
): Promise<void> {
  const { topic, partition, offset } = record;
  await sql(
    `INSERT INTO skipped_records (topic, partition, record_offset, cause, reason) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    [topic, partition, offset, cause, message],
  );
  if (publishFrom === undefined || offset < publishFrom) {
    logger.error({ topic, partition, offset, cause, reason: message }, 'a record was skipped');
    return;
  }
  const letter = {
    topic: topics.webhooksDlq.name,
    partition: record.partition,
    key: record.key,
    value: record.value,
    headers: deadLetterHeaders(record, { cause, message, at: new Date() }),
  };
  const within = { timeoutMs: PUBLISH_WITHIN_MS };
  try {
    await producer.send(letter, within);
  } catch (error) {
    if (!(error instanceof NotWrittenError) || error.reason !== 'refused') throw error;
    // With its headers it is larger than the topic takes. Where it came from, its bytes still are.
    await producer.send({ ...letter, value: null }, within);
  }
  logger.error({ topic, partition, offset, cause, reason: message }, 'a record was dead-lettered');
}

/** Names of tables and constraints only: the text of a database error may quote what a person wrote. */
function reasonOf(error: unknown): string {
  if (isStatementTimeout(error))
    return 'the database does not write it within the statement timeout, also when it is alone';
  if (classifyDatabaseError(error) !== 'data') return 'its event cannot be written to Kafka';
  const { code, table, column, constraint } = error as Record<string, string | undefined>;
  const where = [table, column, constraint].filter((name) => name !== undefined).join(' ');
  return `the database refuses it: SQLSTATE ${code} ${where}`.trim();
}
