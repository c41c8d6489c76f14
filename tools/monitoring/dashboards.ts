import { type Dashboard, type Panel, type Query } from './grafana';

const RATE = '[$__rate_interval]';
const rate = (selector: string) => `rate(${selector}${RATE})`;
/** One line for each value of a label. */
const by = (label: string, expr: string, of = 'sum'): Query => ({
  expr: `${of} by (${label}) (${expr})`,
  legend: label
    .split(', ')
    .map((name) => `{{${name}}}`)
    .join(' '),
});
const line = (expr: string, legend?: string): Query => ({ expr, ...(legend !== undefined && { legend }) });
const quantile = (q: number, histogram: string, legend: string): Query =>
  line(`histogram_quantile(${q}, sum by (le) (${rate(`${histogram}_bucket`)}))`, legend);

type Options = { readonly about?: string; readonly limit?: number };
const graph = (
  title: string,
  unit: Panel['unit'],
  queries: readonly Query[],
  options: Options = {},
): Panel => ({
  kind: 'timeseries',
  title,
  unit,
  queries,
  ...options,
});
const figure = (title: string, unit: Panel['unit'], expr: string, options: Options = {}): Panel => ({
  kind: 'stat',
  title,
  unit,
  queries: [{ expr }],
  ...options,
});
const table = (title: string, expr: string, options: Options = {}): Panel => ({
  kind: 'table',
  title,
  unit: 'short',
  queries: [{ expr }],
  ...options,
});

/** What Node tells of a service's processes; the machine they run on is told of by others. */
const processes = (service: string) => {
  const own = (expr: string) =>
    `${expr} * on (instance) group_left (service) talaria_build_info{service="${service}"}`;
  return {
    title: 'Processes',
    panels: [
      graph('CPU', 'percentunit', [by('instance', own(rate('process_cpu_seconds_total')))], {
        about: 'Of one core. Node uses little more than one.',
      }),
      graph('Memory', 'bytes', [by('instance', own('process_resident_memory_bytes'))]),
      graph('Event loop: delay, p99', 's', [by('instance', own('nodejs_eventloop_lag_p99_seconds'))]),
    ],
  };
};

const connections = graph('Connections to Postgres', 'short', [by('state', 'talaria_database_connections')], {
  about: 'Of the processor and the dispatcher; waiting: statements for which none is free.',
});

const overview: Dashboard = {
  uid: 'talaria-overview',
  title: 'Talaria: overview',
  about: 'Is it well, and how much goes through?',
  rows: [
    {
      title: 'Now',
      panels: [
        figure('Messages in, a minute', 'cpm', `60 * sum(${rate('talaria_messages_total{direction="in"}')})`),
        figure(
          'Messages out, a minute',
          'cpm',
          `60 * sum(${rate('talaria_messages_total{direction="out"}')})`,
        ),
        figure(
          'Delivered',
          'percentunit',
          'sum(rate(talaria_message_statuses_total{status="delivered"}[30m])) / sum(rate(talaria_messages_total{direction="out"}[30m]))',
          { about: 'Of what Meta accepted in half an hour. What is delivered later makes it uneven.' },
        ),
        figure('Errors', 'percentunit', 'max(namespace:talaria_dispatch_errors:ratio_rate5m)', {
          limit: 0.02,
        }),
        figure(
          'Accepted to delivered, mean',
          's',
          'max(namespace:talaria_send_to_delivered_seconds:mean15m)',
          {
            limit: 5,
          },
        ),
        figure('Tried again', 'percentunit', 'max(namespace:talaria_dispatch_retries:ratio_rate5m)', {
          limit: 0.02,
        }),
        figure('Waiting to be sent', 'short', 'sum(namespace:talaria_dispatch_waiting:sum)'),
        figure('Read model behind', 's', 'max(namespace_topic:talaria_projection_lag_seconds:max)', {
          limit: 60,
        }),
      ],
    },
    {
      title: 'Messages',
      panels: [
        graph('Messages a minute', 'cpm', [by('direction', `60 * ${rate('talaria_messages_total')}`)]),
        graph('Statuses a minute', 'cpm', [by('status', `60 * ${rate('talaria_message_statuses_total')}`)]),
        graph(
          'Delivered by the first attempt',
          'percentunit',
          [
            line(
              `sum(${rate('talaria_messages_delivered_total{attempt="first"}')}) / sum(${rate('talaria_messages_delivered_total')})`,
              'first attempt',
            ),
          ],
          { about: 'The others had to be tried again.' },
        ),
        graph('Accepted to delivered', 's', [
          quantile(0.5, 'talaria_send_to_status_seconds', 'p50 of all statuses'),
          ...[0.5, 0.95].map((q) =>
            line(
              `histogram_quantile(${q}, sum by (le) (${rate('talaria_send_to_status_seconds_bucket{status="delivered"}')}))`,
              `p${q * 100} delivered`,
            ),
          ),
        ]),
        graph(
          'Delivered within 5 s',
          'percentunit',
          [
            line(
              `sum(${rate('talaria_send_to_status_seconds_bucket{status="delivered", le="5"}')}) / sum(${rate('talaria_send_to_status_seconds_count{status="delivered"}')})`,
              'within 5 s',
            ),
          ],
          { about: 'Unlike the mean it is not moved by the few whose phone is off for hours.' },
        ),
        graph("Meta's errors a minute, by type", 'cpm', [
          by('class', `60 * ${rate('talaria_graph_api_errors_total')}`),
        ]),
      ],
    },
    {
      title: 'Promises to Meta',
      panels: [
        graph(
          'Webhooks answered 503',
          'percentunit',
          [
            line('max(namespace:talaria_webhook_errors:ratio_rate5m)', '5 minutes'),
            line('max(namespace:talaria_webhook_errors:ratio_rate1h)', 'an hour'),
            line('max(namespace:talaria_webhook_errors:ratio_rate3d)', '3 days'),
          ],
          { about: 'The objective is 0.1 % of 30 days.', limit: 0.001 },
        ),
        graph(
          'Webhooks answered later than a second',
          'percentunit',
          [
            line('max(namespace:talaria_webhook_slow:ratio_rate5m)', '5 minutes'),
            line('max(namespace:talaria_webhook_slow:ratio_rate1h)', 'an hour'),
            line('max(namespace:talaria_webhook_slow:ratio_rate3d)', '3 days'),
          ],
          { about: 'The objective is 1 % of 30 days.', limit: 0.01 },
        ),
        table('Alerts', 'ALERTS', { about: 'Watchdog always fires.' }),
        table('Versions', 'count by (service, version) (talaria_build_info)'),
      ],
    },
  ],
};

const tenant: Dashboard = {
  uid: 'talaria-tenant',
  title: 'Talaria: accounts and numbers',
  about:
    'Who has much waiting, who sends how much, and who may not. Of very many accounts and numbers only the busiest are shown.',
  rows: [
    {
      title: 'Numbers',
      panels: [
        graph('Registered numbers', 'short', [by('state', 'talaria_numbers', 'max')]),
        graph("Numbers by Meta's last word on their quality", 'short', [
          by('quality', 'talaria_number_quality', 'max'),
        ]),
        graph('News of quality, an hour', 'short', [
          by('quality', 'increase(talaria_number_quality_changes_total[1h])'),
        ]),
      ],
    },
    {
      title: 'Waiting',
      panels: [
        graph('Commands that wait, by number', 'short', [
          by('phone_number_id', 'topk(20, talaria_dispatch_queue_depth)'),
        ]),
        graph(
          'For how long the oldest waits, by number',
          's',
          [by('phone_number_id', 'topk(20, talaria_dispatch_queue_oldest_seconds)', 'max')],
          { about: '`talaria backlog list` tells of each number, campaign and priority.' },
        ),
        table(
          'Numbers for which most waits',
          'topk(50, sum by (phone_number_id) (talaria_dispatch_queue_depth))',
        ),
      ],
    },
    {
      title: 'Accounts',
      panels: [
        graph('Accepted a minute, by account', 'cpm', [
          by(
            'waba_id',
            `topk(20, 60 * ${rate('talaria_dispatch_account_attempts_total{outcome="accepted"}')})`,
          ),
        ]),
        graph('Given up a minute, by account', 'cpm', [
          by(
            'waba_id',
            `topk(20, 60 * ${rate('talaria_dispatch_account_attempts_total{outcome="dead-letter"}')})`,
          ),
        ]),
        graph('Put off a minute by limits or refused tokens, by account', 'cpm', [
          by('waba_id', `topk(20, 60 * ${rate('talaria_dispatch_account_attempts_total{outcome="wait"}')})`),
        ]),
        table(
          'Attempts in an hour',
          'sum by (waba_id, outcome) (increase(talaria_dispatch_account_attempts_total[1h])) > 0',
        ),
      ],
    },
  ],
};

const dispatcher: Dashboard = {
  uid: 'talaria-dispatcher',
  title: 'Talaria: dispatcher',
  about: 'From the command to Meta.',
  rows: [
    {
      title: 'Needs a person',
      panels: [
        figure('Parked', 'short', 'sum(talaria_dispatch_parked)', {
          about: 'Numbers and accounts whose token, registration or payment Meta refuses.',
          limit: 1,
        }),
        figure('Tokens that do not open', 'short', 'max(talaria_registry_token_faults)', { limit: 1 }),
        figure('Not called', 'short', 'sum(talaria_dispatch_resting)', {
          about: 'Numbers, and Meta as a whole, whose calls fail one after another.',
          limit: 1,
        }),
        figure('Unknown outcomes', 'short', 'max(talaria_dispatch_unknown_commands)', { limit: 100 }),
      ],
    },
    {
      title: 'Calls',
      panels: [
        graph('Attempts a second, by outcome', 'reqps', [
          by('outcome', rate('talaria_dispatch_attempts_total')),
        ]),
        graph("Answers a second, by Meta's code", 'reqps', [
          by('code', `topk(20, ${rate('talaria_graph_api_responses_total')})`),
        ]),
        graph('How long a call takes', 's', [
          quantile(0.5, 'talaria_graph_api_duration_seconds', 'p50'),
          quantile(0.99, 'talaria_graph_api_duration_seconds', 'p99'),
        ]),
        graph('Errors a minute, by type', 'cpm', [
          by('class', `60 * ${rate('talaria_graph_api_errors_total')}`),
        ]),
        graph('Errors and retries', 'percentunit', [
          line('max(namespace:talaria_dispatch_errors:ratio_rate5m)', 'errors'),
          line('max(namespace:talaria_dispatch_retries:ratio_rate5m)', 'tried again'),
        ]),
        graph('Calls under way', 'short', [line('sum(talaria_dispatch_in_flight)', 'under way')]),
      ],
    },
    {
      title: 'Waiting',
      panels: [
        graph('Commands that wait', 'short', [
          line('sum(talaria_dispatch_queued)', 'in memory'),
          line('sum(talaria_dispatch_backlog)', 'in the backlog'),
        ]),
        graph('For how long the oldest in the backlog waits', 's', [
          line('max(talaria_dispatch_backlog_oldest_seconds)', 'oldest'),
        ]),
        graph('Who waits', 'short', [
          line('sum(talaria_dispatch_paused_numbers)', 'paused numbers'),
          line('sum(talaria_dispatch_parked)', 'parked'),
          line('sum(talaria_dispatch_resting)', 'not called'),
        ]),
        graph('Unknown outcomes: for how long the oldest', 's', [
          line('max(talaria_dispatch_unknown_oldest_seconds)', 'oldest'),
        ]),
        graph('Questions whether Meta is well, a minute', 'cpm', [
          by('result', `60 * ${rate('talaria_dispatch_probes_total')}`),
        ]),
        graph('Failed statuses a minute', 'cpm', [
          by('result', `60 * ${rate('talaria_dispatch_failed_statuses_total')}`),
        ]),
      ],
    },
    {
      title: 'Commands',
      panels: [
        graph('Records a second, by what became of them', 'reqps', [
          by('result', rate('talaria_dispatch_commands_total')),
        ]),
        graph('Dead letters an hour, by cause', 'short', [
          by('cause', 'increase(talaria_dead_letters_total[1h])'),
        ]),
        graph(
          'Age of the oldest record that is not done',
          's',
          [by('group, topic', 'talaria_consumer_lag_seconds{group=~".*dispatcher.*"}', 'max')],
          { about: 'In a retry topic it is meant to be old.' },
        ),
        graph('Partitions', 'short', [
          by('group, topic', 'talaria_consumer_assigned_partitions{group=~".*dispatcher.*"}'),
        ]),
        graph('Rebalances an hour', 'short', [
          by('group', 'increase(talaria_consumer_rebalances_total{group=~".*dispatcher.*"}[1h])'),
        ]),
        connections,
      ],
    },
    processes('dispatcher'),
  ],
};

const ingestion: Dashboard = {
  uid: 'talaria-ingestion',
  title: 'Talaria: ingestion',
  about: 'From Meta to Kafka.',
  rows: [
    {
      title: 'Webhooks',
      panels: [
        graph('Requests a second, by result', 'reqps', [
          by('result', rate('talaria_webhook_requests_total')),
        ]),
        graph('Requests a second, by app', 'reqps', [by('app', rate('talaria_webhook_requests_total'))], {
          about: 'Without a name: the app of the settings.',
        }),
        graph('Items a second, by kind', 'reqps', [by('kind', rate('talaria_webhook_items_total'))]),
        graph(
          'How long an answer takes',
          's',
          [
            quantile(0.5, 'talaria_webhook_duration_seconds', 'p50'),
            quantile(0.99, 'talaria_webhook_duration_seconds', 'p99'),
          ],
          { about: 'Meta asks for a median below 250 ms, and 99 % below a second.' },
        ),
        graph('Answered 503', 'percentunit', [
          line('max(namespace:talaria_webhook_errors:ratio_rate5m)', '5 minutes'),
          line('max(namespace:talaria_webhook_errors:ratio_rate30m)', '30 minutes'),
          line('max(namespace:talaria_webhook_errors:ratio_rate6h)', '6 hours'),
        ]),
        graph('Answered later than a second', 'percentunit', [
          line('max(namespace:talaria_webhook_slow:ratio_rate5m)', '5 minutes'),
          line('max(namespace:talaria_webhook_slow:ratio_rate30m)', '30 minutes'),
          line('max(namespace:talaria_webhook_slow:ratio_rate6h)', '6 hours'),
        ]),
        graph('Signed by no secret that we know', 'percentunit', [
          line('max(namespace:talaria_webhook_bad_signatures:ratio_rate10m)', '10 minutes'),
        ]),
        graph('Connections refused a minute', 'cpm', [
          line(`60 * sum(${rate('talaria_webhook_connections_dropped_total')})`, 'refused'),
        ]),
        graph('Seconds since the database told of the apps', 's', [
          by('instance', 'talaria_apps_known_seconds', 'max'),
        ]),
      ],
    },
    {
      title: 'Spool',
      panels: [
        graph('Waits for Kafka', 'bytes', [by('instance', 'talaria_spool_bytes')]),
        graph('For how long the oldest waits', 's', [by('instance', 'talaria_spool_oldest_seconds', 'max')]),
        graph('Items a second', 'reqps', [by('event', rate('talaria_spool_items_total'))]),
        graph('Not taken, items a second', 'reqps', [by('reason', rate('talaria_spool_failures_total'))]),
        graph('Damaged, an hour', 'bytes', [
          line('sum(increase(talaria_spool_damaged_bytes_total[1h]))', 'set aside'),
        ]),
      ],
    },
    processes('ingestion'),
  ],
};

const processor: Dashboard = {
  uid: 'talaria-processor',
  title: 'Talaria: processor',
  about: 'From Kafka to the read model.',
  rows: [
    {
      title: 'Behind',
      panels: [
        graph(
          'The live read model is behind',
          's',
          [by('topic', 'namespace_topic:talaria_projection_lag_seconds:max', 'max')],
          { limit: 60 },
        ),
        graph('Records that are not done, by version and topic', 'short', [
          by('group, topic', 'talaria_consumer_lag_records{group!~".*dispatcher.*"}'),
        ]),
        graph('Seconds since records were last taken', 's', [
          by(
            'group, topic',
            'time() - talaria_consumer_last_progress_timestamp_seconds{group!~".*dispatcher.*"}',
            'max',
          ),
        ]),
        table('Versions of the read model', 'count by (group, state) (talaria_projection_info)'),
        graph('Partitions', 'short', [
          by('group, topic', 'talaria_consumer_assigned_partitions{group!~".*dispatcher.*"}'),
        ]),
        graph('Rebalances an hour', 'short', [
          by('group', 'increase(talaria_consumer_rebalances_total{group!~".*dispatcher.*"}[1h])'),
        ]),
      ],
    },
    {
      title: 'Records and items',
      panels: [
        graph('Records a second, by what became of them', 'reqps', [
          by('result', rate('talaria_projection_records_total')),
        ]),
        graph('Items told for the first time, a second', 'reqps', [
          by('kind', rate('talaria_projection_items_total')),
        ]),
        graph(
          'Statuses that are missing',
          'percentunit',
          [line('max(namespace:talaria_statuses_missing:ratio)', 'of those accepted 15 to 30 minutes ago')],
          { limit: 0.05 },
        ),
      ],
    },
    {
      title: 'What could not be done',
      panels: [
        graph('Batches that come again, a minute', 'cpm', [
          by('reason', `60 * ${rate('talaria_projection_batch_failures_total')}`),
        ]),
        graph('New dead letters an hour', 'short', [
          by('topic, cause', 'increase(talaria_dead_letters_indexed_total[1h])'),
        ]),
        graph('Items of a shape that we do not know, an hour', 'short', [
          by('field', 'increase(talaria_schema_mismatches_total[1h])'),
        ]),
        graph('Records that Kafka deleted before they were read, an hour', 'short', [
          line('sum(increase(talaria_records_gone_total[1h]))', 'gone'),
        ]),
        connections,
      ],
    },
    processes('processor'),
  ],
};

export const dashboards: readonly Dashboard[] = [overview, tenant, dispatcher, ingestion, processor];
