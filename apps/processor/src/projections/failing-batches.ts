import { classifyDatabaseError, isStatementTimeout } from '@talaria/database';
import { NotWrittenError, type RecordBatch } from '@talaria/kafka';
import { type DataSource } from 'typeorm';
import { batchFailures, type failureReasons } from './projection.metrics';

/** Of each partition the first record of the batch that has timed out, and how often in a row it has. */
type Timeouts = Map<string, { readonly from: number | undefined; readonly times: number }>;

const timeouts = new WeakMap<DataSource, Timeouts>();

/** How often the batch that begins with this record has timed out since it, or another, was last projected. A restart begins at 0. */
export function timeoutsOf(dataSource: DataSource, batch: RecordBatch): number {
  const last = timeouts.get(dataSource)?.get(idOf(batch));
  return last !== undefined && last.from === batch.records[0]?.offset ? last.times : 0;
}

export function noteFailure(dataSource: DataSource, batch: RecordBatch, error: unknown): void {
  batchFailures.inc({ reason: reasonOf(error) });
  if (!isStatementTimeout(error)) return;
  const all = timeouts.get(dataSource) ?? (new Map() as Timeouts);
  timeouts.set(dataSource, all);
  all.set(idOf(batch), { from: batch.records[0]?.offset, times: timeoutsOf(dataSource, batch) + 1 });
}

export function noteSuccess(dataSource: DataSource, batch: RecordBatch): void {
  timeouts.get(dataSource)?.delete(idOf(batch));
}

function idOf({ topic, partition }: RecordBatch): string {
  return `${topic}/${partition}`;
}

function reasonOf(error: unknown): (typeof failureReasons)[number] {
  if (isStatementTimeout(error)) return 'timeout';
  if (error instanceof NotWrittenError) return 'unpublished';
  const fault = classifyDatabaseError(error);
  return fault === 'conflict' || fault === 'unavailable' ? fault : 'other';
}
