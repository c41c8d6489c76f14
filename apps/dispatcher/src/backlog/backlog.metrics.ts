import { gauge, gaugeOf } from '@talaria/observability';

const number = { phone_number_id: 'the METRICS_MAX_LABELS numbers for which most is waiting' };

export const showBacklog = gauge('talaria_dispatch_backlog', 'Commands that wait in the backlog table only');

export const showBacklogOldest = gauge(
  'talaria_dispatch_backlog_oldest_seconds',
  'For how long the oldest of those has been published, read every 15 s; 0 when there is none',
);

export const showQueueDepth = gaugeOf(
  'talaria_dispatch_queue_depth',
  'Commands of a number that are not done, in memory and in the backlog table together',
  number,
);

export const showQueueOldest = gaugeOf(
  'talaria_dispatch_queue_oldest_seconds',
  'For how long the oldest of those has been published, read every 15 s',
  number,
);
