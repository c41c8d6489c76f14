import { counter, gauge, histogram } from '@talaria/observability';

export const messagesSeen = counter(
  'talaria_messages_total',
  'Messages by direction, each once; in: told by a webhook, out: accepted by Meta for a command',
  { direction: ['in', 'out'] },
);

export const countedStatuses = ['sent', 'delivered', 'read', 'failed'] as const;

export const messageStatuses = counter(
  'talaria_message_statuses_total',
  'Statuses of messages to one person, each once',
  { status: countedStatuses },
);

export const timedStatuses = ['sent', 'delivered', 'read'] as const;

/** With a boundary at 5 s, beyond which a delivery counts as slow. */
export const sendToStatus = histogram(
  'talaria_send_to_status_seconds',
  'From the acceptance by Meta to the time that a status tells, which has no fractions of a second; of messages to one person that have a command',
  [0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400],
  { status: timedStatuses },
);

export const messagesDelivered = counter(
  'talaria_messages_delivered_total',
  'Delivered messages that have a command, each once, by which attempt carried them',
  { attempt: ['first', 'retried'] },
);

export const showExpected = gauge(
  'talaria_statuses_expected',
  'Of the messages that Meta accepted 15 to 30 minutes ago, how many were looked at for a status, once a minute: at most 5000. All processes look at the same',
);

export const showMissing = gauge('talaria_statuses_missing', 'How many of those have no status at all');
