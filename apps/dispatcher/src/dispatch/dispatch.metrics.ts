import { counter, gauge, gaugeOf, histogram } from '@talaria/observability';
import { errorCatalogue } from '@talaria/whatsapp';

export const commandsSeen = counter(
  'talaria_dispatch_commands_total',
  'Commands by what became of the record that asked',
  {
    result: ['queued', 'undecodable', 'rekeyed', 'repeated', 'reconciled', 'redriven'],
  },
);

const outcomes = ['accepted', 'retry', 'wait', 'unknown', 'cancelled', 'dead-letter'] as const;

export const attempts = counter('talaria_dispatch_attempts_total', 'Attempts by what they led to', {
  outcome: outcomes,
});

export const accountAttempts = counter('talaria_dispatch_account_attempts_total', 'Likewise by account', {
  waba_id: 'the first METRICS_MAX_LABELS accounts that sent since the start; all others are `other`',
  outcome: outcomes,
});

const codes = [...Object.keys(errorCatalogue), 'ok', 'none', 'other'];

export const graphApiResponses = counter(
  'talaria_graph_api_responses_total',
  "Answers to send calls by Meta's code; ok: accepted, none: no answer that could be read, other: a code that the catalogue does not know",
  { code: codes },
);

export function codeOf(code: number | undefined): string {
  return code !== undefined && Object.hasOwn(errorCatalogue, code) ? String(code) : 'other';
}

export const failedStatuses = counter(
  'talaria_dispatch_failed_statuses_total',
  'Statuses which told that a message of ours failed, by what they led to',
  { result: ['retried', 'final', 'exhausted', 'counted_already', 'contradicted'] },
);

export const graphApiErrors = counter(
  'talaria_graph_api_errors_total',
  'Errors that Meta answered, by class',
  {
    class: [
      'transient',
      'rate-number',
      'rate-pair',
      'rate-account',
      'rate-app',
      'recipient',
      'content',
      'window',
      'auth',
      'config',
      'ambiguous',
      'invalid',
      'expired',
    ],
  },
);

export const probes = counter(
  'talaria_dispatch_probes_total',
  'Questions to Meta whether calls for a number work again, which send nothing, by what came of them',
  { result: ['well', 'refused', 'away'] },
);

export const deadLetters = counter(
  'talaria_dead_letters_total',
  'Records sent to the dead letters, by cause',
  {
    cause: ['decode', 'invalid', 'permanent', 'exhausted', 'expired', 'ambiguous', 'conflict'],
  },
);

export const graphApiDuration = histogram(
  'talaria_graph_api_duration_seconds',
  'How long a send call took',
  [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  {},
);

export const showQueued = gauge('talaria_dispatch_queued', 'Commands held in memory');

export const showInFlight = gauge('talaria_dispatch_in_flight', 'Calls under way');

export const showPaused = gauge(
  'talaria_dispatch_paused_numbers',
  'Numbers whose commands wait for the end of a pause',
);

export const showParked = gauge(
  'talaria_dispatch_parked',
  'Numbers and accounts that Meta refuses, until somebody mends their token, registration or payment',
);

export const showResting = gauge(
  'talaria_dispatch_resting',
  'Numbers, and Meta as a whole, that are not called because calls fail one after another',
);

export const showTokenFaults = gauge(
  'talaria_registry_token_faults',
  'Numbers and accounts whose token does not open, or is missing; their commands wait, and the log says what to do',
);

export const showRegistryAge = gauge(
  'talaria_registry_age_seconds',
  'How long ago the registry was read last: rates, pauses and tokens are as they were then',
);

export const showNumbers = gaugeOf(
  'talaria_numbers',
  'Registered numbers by what the registry says: paused, or their account or app, by a person; restricted: their account, by Meta. All processes read the same',
  { state: ['active', 'paused', 'restricted'] },
);

export const showUnknown = gauge(
  'talaria_dispatch_unknown_commands',
  'Commands of which nobody knows yet whether Meta took them, read every 15 s. All processes read the same',
);

export const showUnknownOldest = gauge(
  'talaria_dispatch_unknown_oldest_seconds',
  'For how long that is so of the oldest; 0 when there is none',
);
