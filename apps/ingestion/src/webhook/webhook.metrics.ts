import { counter, histogram } from '@talaria/observability';

/** Why a request is answered before anybody looks into its body. */
export type Refusal = 'bad_signature' | 'too_large' | 'overloaded' | 'aborted';

export const webhookRequests = counter('talaria_webhook_requests_total', 'Webhook requests by result', {
  result: ['accepted', 'not_json', 'unavailable', 'bad_signature', 'too_large', 'overloaded', 'aborted'],
});

export const webhookItems = counter('talaria_webhook_items_total', 'Items of accepted webhooks', {});

/** With boundaries at what Meta asks for: a median of 250 ms, 99 % below 1 s. */
export const webhookDuration = histogram(
  'talaria_webhook_duration_seconds',
  'From the whole body read to the answer',
  [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
);

export const connectionsDropped = counter(
  'talaria_webhook_connections_dropped_total',
  'Connections that were refused because HTTP_MAX_CONNECTIONS were open',
  {},
);
