import { counter, histogram } from '@talaria/observability';

export const webhookRequests = counter('talaria_webhook_requests_total', 'Webhook requests by result', {
  result: ['accepted', 'bad_signature', 'not_json', 'produce_failed'],
});

export const webhookItems = counter('talaria_webhook_items_total', 'Items written to Kafka', {});

/** With boundaries at what Meta asks for: a median of 250 ms, 99 % below 1 s. */
export const webhookDuration = histogram(
  'talaria_webhook_duration_seconds',
  'From the whole body read to the answer',
  [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
);
