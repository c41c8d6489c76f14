import { type DeadLetterCause, deadLetterHeaders, topics } from '@talaria/contracts';
import { classifyDatabaseError, inTransaction, type Sql } from '@talaria/database';
import { type KafkaRecord, type RecordBatch, type VerifiedProducer } from '@talaria/kafka';
import { counter, type Logger } from '@talaria/observability';
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
 * Projects a batch: rows and checkpoint in one transaction. When the database refuses the content, the batch is split until the record
 * at fault is alone; that one goes to the dead letters, the others are written. A database that is away is thrown to the consumer, which waits.
 */
export async function projectBatch<Row>(
  dependencies: ProjectionDependencies,
  projection: Projection<Row>,
  batch: RecordBatch,
): Promise<void> {
  await projectRecords(dependencies, projection, batch, batch.records);
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
    if (classifyDatabaseError(error) !== 'data') throw error;
    const [only] = some;
    if (only !== undefined && some.length === 1) {
      await deadLetter(dependencies, only, 'data', `the database refuses it: ${messageOf(error)}`);
      await inTransaction(dependencies.dataSource, (sql) => moveCheckpoint(sql, batch, some));
      return;
    }
    const half = Math.ceil(some.length / 2);
    await projectRecords(dependencies, projection, batch, some.slice(0, half));
    await projectRecords(dependencies, projection, batch, some.slice(half));
  }
}

async function writeAll<Row>(
  dependencies: ProjectionDependencies,
  projection: Projection<Row>,
  batch: RecordBatch,
  some: readonly KafkaRecord[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const fresh = await inTransaction(dependencies.dataSource, async (sql) => {
        const unseen = await moveCheckpoint(sql, batch, some);
        const rows: Row[] = [];
        for (const record of unseen) {
          const translated = projection.translate(record);
          if (translated === undefined)
            await deadLetter(dependencies, record, 'decode', 'not what this topic holds');
          else rows.push(...translated);
        }
        await projection.write(sql, rows);
        return unseen.length;
      });
      records.inc({ result: 'projected' }, fresh);
      records.inc({ result: 'repeated' }, some.length - fresh);
      return;
    } catch (error) {
      if (classifyDatabaseError(error) !== 'conflict' || attempt === CONFLICT_RETRIES) throw error;
    }
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

/** Postgres repeats values only in `detail`; its message names columns and constraints. */
function messageOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return `${code ?? ''} ${message ?? ''}`.trim().slice(0, 300);
}
