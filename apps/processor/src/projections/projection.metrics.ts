import { counter, gaugeOf } from '@talaria/observability';
import { itemSorts } from '@talaria/whatsapp';

export const projectedRecords = counter(
  'talaria_projection_records_total',
  'Records by what became of them, of all versions of the read model together; repeated: projected before, and left out',
  { result: ['projected', 'repeated', 'dead_lettered'] },
);

export const failureReasons = ['timeout', 'conflict', 'unavailable', 'unpublished', 'other'] as const;

export const batchFailures = counter(
  'talaria_projection_batch_failures_total',
  'Batches that failed and come again after a pause, each time anew, by why: a statement took too long, transactions kept meeting, the database was away, events could not be written to Kafka',
  { reason: failureReasons },
);

export const projectedItems = counter(
  'talaria_projection_items_total',
  'What webhooks told for the first time, by what it is; repeats and rebuilds count nothing',
  { kind: itemSorts },
);

/** Fields in which Meta tells items that have to be read to become more than a change that is kept. */
const mismatchFields = ['messages', 'smb_message_echoes', 'standby', 'calls', 'none', 'other'] as const;
export type MismatchField = (typeof mismatchFields)[number];

export const schemaMismatches = counter(
  'talaria_schema_mismatches_total',
  'Items of webhooks which lack what a row needs, by their field, and were kept whole as unknown, each once; none: no field was found',
  { field: mismatchFields },
);

export function mismatchFieldOf(field: string | undefined): MismatchField {
  return field === undefined ? 'none' : (mismatchFields.find((known) => known === field) ?? 'other');
}

export const showVersions = gaugeOf(
  'talaria_projection_info',
  'Always 1; which versions of the read model run here, by their consumer group. Only one is live: what others have still to read delays nobody',
  { group: 'the consumer group of the version', state: ['live', 'building', 'standby'] },
);
