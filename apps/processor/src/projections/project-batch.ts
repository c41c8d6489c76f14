import { type DeadLetterCause, deadLetterHeaders, topics } from '@talaria/contracts';
import { classifyDatabaseError, inTransaction, type Sql } from '@talaria/database';
import { type KafkaRecord, NotWrittenError, type RecordBatch, type VerifiedProducer } from '@talaria/kafka';
import { counter, type Logger, startProcessSpans } from '@talaria/observability';
import { type DataSource } from 'typeorm';
import { moveCheckpoint } from './checkpoint';

/** How the records of a topic become rows. */
export type Projection<Row> = {
  /** Pure. @returns undefined for a record that can never be read */
  readonly translate: (record: KafkaRecord) => readonly Row[] | undefined;
  /** Writes rows and publishes what follows from them. Runs in the transaction of the checkpoint, so a crash repeats it: it must not mind. */
  readonly write: (sql: Sql, rows: readonly Row[]) => Promise<void>;
};

export type ProjectionDependencies = {
  readonly dataSource: DataSource;
  readonly producer: VerifiedProducer;
  readonly logger: Logger;
};

const records = counter('talaria_projection_records_total', 'Records by what became of them', {
  result: ['projected', 'repeated', 'dead_lettered'],
});

/** Two transactions that met try again at once; more often than this, something else is wrong. */
const CONFLICT_RETRIES = 10;

/**
 * Projects a batch: rows and checkpoint in one transaction. When its content is refused, the batch is split until the record at fault
 * is alone; that one goes to the dead letters, the others are written. A database that is away is thrown to the consumer, which waits.
 */
export async function projectBatch<Row>(
  dependencies: ProjectionDependencies,
  projection: Projection<Row>,
  batch: RecordBatch,
): Promise<void> {
  const endSpans = startProcessSpans(batch.records);
  try {
    await projectRecords(dependencies, projection, batch, batch.records);
    endSpans();
  } catch (error) {
    endSpans(error);
    throw error;
  }
  for (const { offset } of batch.records) batch.done(offset);
}

async function projectRecords<Row>(
  dependencies: ProjectionDependencies,
  projection: Projection<Row>,
  batch: RecordBatch,
  some: readonly KafkaRecord[],
): Promise<void> {
  try {
    await writeAll(dependencies, projection, batch, some);
  } catch (error) {
    if (!isContentRefused(error)) throw error;
    const [only] = some;
    if (only !== undefined && some.length === 1) {
      await deadLetter(dependencies, only, 'data', reasonOf(error));
      await inTransaction(dependencies.dataSource, (sql) => moveCheckpoint(sql, batch, some));
      return;
    }
    const half = Math.ceil(some.length / 2);
    await projectRecords(dependencies, projection, batch, some.slice(0, half));
    await projectRecords(dependencies, projection, batch, some.slice(half));
  }
}

/** Whether the same content would be refused again, however long we wait. RangeError: it is nested too deeply to be told in an event. */
function isContentRefused(error: unknown): boolean {
  return (
    classifyDatabaseError(error) === 'data' ||
    (error instanceof NotWrittenError && error.reason === 'refused') ||
    error instanceof RangeError
  );
}

async function writeAll<Row>(
  dependencies: ProjectionDependencies,
  projection: Projection<Row>,
  batch: RecordBatch,
  some: readonly KafkaRecord[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { projected, repeated } = await inTransaction(dependencies.dataSource, (sql) =>
        writeUnseen(sql, dependencies, projection, batch, some),
      );
      records.inc({ result: 'projected' }, projected);
      records.inc({ result: 'repeated' }, repeated);
      return;
    } catch (error) {
      if (classifyDatabaseError(error) !== 'conflict' || attempt === CONFLICT_RETRIES) throw error;
    }
  }
}

async function writeUnseen<Row>(
  sql: Sql,
  dependencies: ProjectionDependencies,
  { translate, write }: Projection<Row>,
  batch: RecordBatch,
  some: readonly KafkaRecord[],
): Promise<{ projected: number; repeated: number }> {
  const unseen = await moveCheckpoint(sql, batch, some);
  const read = unseen.map((record) => ({ record, ...attemptTo(() => translate(record)) }));
  await write(
    sql,
    read.flatMap(({ rows }) => rows ?? []),
  );
  // Last: what fails before this comes again, and would be dead-lettered again.
  const unreadable = read.filter(({ rows }) => rows === undefined);
  for (const { record, fault } of unreadable) await deadLetter(dependencies, record, 'decode', fault);
  return { projected: unseen.length - unreadable.length, repeated: some.length - unseen.length };
}

/** A record that breaks its translation would break it every time: it must not hold up those behind it. */
function attemptTo<Row>(translate: () => readonly Row[] | undefined): {
  readonly rows: readonly Row[] | undefined;
  readonly fault: string;
} {
  try {
    return { rows: translate(), fault: 'not what this topic holds' };
  } catch (error) {
    const name = error instanceof Error ? error.name : 'unknown';
    return { rows: undefined, fault: `its translation failed: ${name}` };
  }
}

async function deadLetter(
  { producer, logger }: ProjectionDependencies,
  record: KafkaRecord,
  cause: DeadLetterCause,
  message: string,
): Promise<void> {
  await producer.send({
    topic: topics.webhooksDlq.name,
    partition: record.partition,
    key: record.key,
    value: record.value,
    headers: deadLetterHeaders(record, { cause, message, at: new Date() }),
  });
  const { topic, partition, offset } = record;
  records.inc({ result: 'dead_lettered' });
  logger.error({ topic, partition, offset, cause, reason: message }, 'a record was dead-lettered');
}

/** Names of tables and constraints only: the text of a database error may quote what a person wrote. */
function reasonOf(error: unknown): string {
  if (classifyDatabaseError(error) !== 'data') return 'its event cannot be written to Kafka';
  const { code, table, column, constraint } = error as Record<string, string | undefined>;
  const where = [table, column, constraint].filter((name) => name !== undefined).join(' ');
  return `the database refuses it: SQLSTATE ${code} ${where}`.trim();
}
