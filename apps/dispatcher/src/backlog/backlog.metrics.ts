import { gauge, gaugeOf } from '@talaria/observability';

const number = { phone_number_id: 'the METRICS_MAX_LABELS numbers for which most is waiting' };

export const showBacklog = gauge('talaria_dispatch_backlog', 'Commands that wait in the backlog table only');

export const showBacklogOldest = gauge(
  'talaria_dispatch_backlog_oldest_seconds',
  'How long ago the oldest command of a number that has such was published, or came back for a further attempt; 0 when there is none',
);

export const showQueueDepth = gaugeOf(
  'talaria_dispatch_queue_depth',
  'Commands of a number that are not done, in memory and in the backlog table together',
  number,
);

export const showQueueOldest = gaugeOf(
  'talaria_dispatch_queue_oldest_seconds',
  'How long ago the oldest of those that is not under way was published, or came back for a further attempt',
  number,
);
