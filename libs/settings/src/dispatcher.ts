import { bytes, duration, durations, httpUrl, integer, moment, pattern, port } from '@talaria/config';
import { databaseSettings } from '@talaria/database';
import { kafkaSettings } from '@talaria/kafka';
import { secretsSettings } from '@talaria/registry';

/** What dispatcher reads from its environment. */
export const dispatcherSettings = {
  ...kafkaSettings,
  ...databaseSettings,
  ...secretsSettings,
  METRICS_PORT: port({
    default: 9464,
    desc: 'where /metrics, /health and /log-level are served; never route it publicly',
  }),
  METRICS_MAX_LABELS: integer(
    0,
    10_000,
  )({
    default: 200,
    desc: 'how many numbers, and how many accounts, have metrics of their own',
  }),
  GRAPH_API_URL: httpUrl({
    default: 'https://graph.facebook.com',
    desc: "Meta's Graph API, or a stand-in for it",
  }),
  GRAPH_API_VERSION: pattern(
    /^v\d+\.\d+$/,
    'a version like v24.0',
  )({
    default: 'v24.0',
    desc: "the Graph API's version",
  }),
  GRAPH_API_TIMEOUT: duration(
    100,
    120_000,
  )({
    default: 15_000,
    desc: 'how long one call may take; after it nobody knows whether Meta took the message',
  }),
  DISPATCH_MAX_IN_FLIGHT: integer(
    1,
    5000,
  )({
    default: 512,
    desc: 'calls under way at once, over all numbers; one number takes at most as many as are left for others',
  }),
  DISPATCH_MAX_QUEUED: integer(
    10,
    1_000_000,
  )({
    default: 10_000,
    desc: 'commands held in memory, over all numbers; beyond it each keeps a quarter of a second of its rate, and the others wait in the backlog table',
  }),
  DISPATCH_MAX_QUEUED_SIZE: bytes({
    default: 64 * 1024 ** 2,
    desc: 'the size of the commands held in memory, together, like 64MiB; beyond it likewise',
  }),
  DISPATCH_RATE_PERCENT: integer(
    1,
    100,
  )({
    default: 90,
    desc: "the most of a number's rate that is used for sending; what comes in counts against the rate too, and when it is more than the rest, less is sent",
  }),
  RETRY_SCHEDULE: durations({
    default: [1000, 2000, 4000, 30_000, 300_000, 3_600_000],
    desc: 'how long to wait before each further attempt, like "1s 2s 4s 30s 5m 1h"',
  }),
  RETRY_SCHEDULE_UNAVAILABLE: durations({
    default: [4000, 16_000, 60_000, 300_000, 1_800_000, 7_200_000],
    desc: 'likewise, after Meta said that it is overloaded (HTTP 503)',
  }),
  RETRY_DELAY_MAX: duration(
    1000,
    86_400_000,
  )({ default: 86_400_000, desc: 'no wait before a further attempt is longer, whatever Meta asks for' }),
  RETRY_SCHEDULE_FAILED: durations({
    default: [30_000, 300_000, 3_600_000],
    desc: 'likewise, when Meta had taken a message and a status tells that it failed for now; by the attempts made, of whatever kind; once it is used up, the command is a dead letter',
  }),
  RETRY_JITTER_PERCENT: integer(
    0,
    25,
  )({ default: 25, desc: 'how much longer than that it may take, by chance' }),
  RETRY_IN_LANE_MAX: duration(
    0,
    60_000,
  )({
    default: 10_000,
    desc: 'shorter delays are waited out in memory, in front of the same recipient; longer ones in a retry topic',
  }),
  UNKNOWN_CHECK_INTERVAL: duration(100)({
    default: 30_000,
    desc: 'how often to look for a status of a message whose sending nobody could confirm',
  }),
  UNKNOWN_WAIT: duration(100)({
    default: 300_000,
    desc: 'how long to look before the command decides: dead-letter or resend',
  }),
  LEDGER_COMPLETE_FROM: moment({
    default: undefined,
    desc: 'after Postgres was lost or restored: the moment of that, like 2027-01-31T08:00:00Z. A command published before it that the ledger does not know may have been sent, and is treated as one of unknown outcome: first looked for, then its policy decides',
  }),
  PARK_DURATION: duration(100)({
    default: 60_000,
    desc: 'how long a number or WABA rests after Meta refused its token, registration or payment, before Meta is asked whether it is well again',
  }),
  REGISTRY_POLL: duration(100)({
    default: 1000,
    desc: 'how often the registry of numbers is read again, whether or not Postgres told of a change',
  }),
};
