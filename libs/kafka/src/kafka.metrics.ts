import { counter, gaugeOf } from '@talaria/observability';

const group = 'the consumer group';
const topic = 'a topic that it reads, without the prefix';

export const recordsGone = counter(
  'talaria_records_gone_total',
  'Records that Kafka had deleted before they were read',
  {},
);

export const rebalances = counter(
  'talaria_consumer_rebalances_total',
  'How often this member has joined its group: once at its start, and again whenever the group shares out the partitions anew',
  { group },
);

export const showLagRecords = gaugeOf(
  'talaria_consumer_lag_records',
  'Records of the partitions that are ours here which are not finished: not read yet, or read and not done',
  { group, topic },
);

export const showLagSeconds = gaugeOf(
  'talaria_consumer_lag_seconds',
  'Age of the oldest record that is not finished, by its own time in Kafka; 0 when there is none. In a retry topic it is meant to be old',
  { group, topic },
);

export const showPartitions = gaugeOf(
  'talaria_consumer_assigned_partitions',
  'Partitions that are ours here',
  { group, topic },
);

export const showProgress = gaugeOf(
  'talaria_consumer_last_progress_timestamp_seconds',
  'When records were last taken, in seconds since 1970; now, while there is nothing to take',
  { group, topic },
);
