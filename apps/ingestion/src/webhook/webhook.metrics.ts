import { counter, histogram } from '@talaria/observability';
import { itemSorts } from '@talaria/whatsapp';

/**
 * Why a request is refused, whatever its body says. `sealed`: what might have signed it does not open; `stale`: it may be signed with a secret that
 * the database has not told of yet.
 */
export type Refusal = 'bad_signature' | 'too_large' | 'overloaded' | 'aborted' | 'sealed' | 'stale';

export const statusOf: Readonly<Record<Refusal, number>> = {
  bad_signature: 401,
  too_large: 413,
  overloaded: 503,
  aborted: 400,
  sealed: 503,
  stale: 503,
};

const refusals = Object.keys(statusOf) as readonly Refusal[];
const results = ['accepted', 'not_json', 'unavailable', ...refusals];

export const webhookRequests = counter(
  'talaria_webhook_requests_total',
  'Webhook requests by result, and by app where it is one of the registry',
  { result: results, app: 'an app of the registry; empty for the one of the settings, and for none' },
);
countApps([], new Set(['']));

/** Forgets the counts of apps that are no more, and begins those of new ones at zero. */
export function countApps(before: Iterable<string>, now: ReadonlySet<string>): void {
  for (const app of before)
    if (!now.has(app)) for (const result of results) webhookRequests.remove({ result, app });
  for (const app of now) for (const result of results) webhookRequests.inc({ result, app }, 0);
}

export const webhookItems = counter(
  'talaria_webhook_items_total',
  'Items of accepted webhooks, repeats too',
  { kind: itemSorts },
);

/** With boundaries at what Meta asks for: a median of 250 ms, 99 % below 1 s. */
export const webhookDuration = histogram(
  'talaria_webhook_duration_seconds',
  'From the whole body read to the answer',
  [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  {},
);

export const connectionsDropped = counter(
  'talaria_webhook_connections_dropped_total',
  'Connections that were refused because HTTP_MAX_CONNECTIONS were open',
  {},
);
