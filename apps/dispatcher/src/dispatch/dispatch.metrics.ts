import { counter, histogram } from '@talaria/observability';

export const commandsSeen = counter(
  'talaria_dispatch_commands_total',
  'Commands by what became of the record that asked',
  {
    result: ['queued', 'undecodable', 'rekeyed', 'repeated', 'reconciled', 'redriven'],
  },
);

export const attempts = counter('talaria_dispatch_attempts_total', 'Attempts by what they led to', {
  outcome: ['accepted', 'retry', 'wait', 'unknown', 'cancelled', 'dead-letter'],
});

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
);
