import {
  ConfigurationError,
  duration,
  durations,
  httpUrl,
  integer,
  port,
  readEnvironment,
  text,
} from '@talaria/config';
import { type Range } from './random';
import { type SimulatorOptions } from './simulator';

/** What the simulator reads from its environment. */
export const simulatorSettings = {
  HTTP_PORT: port({ default: 3003, desc: 'the port that stands in for graph.facebook.com' }),
  WEBHOOK_URL: httpUrl({
    default: 'http://localhost:3000/webhooks/whatsapp',
    desc: 'where webhooks are posted',
  }),
  WHATSAPP_APP_SECRET: text({ desc: 'the secret that signs webhooks, the same as in ingestion' }),
  SIMULATOR_SEED: integer(0, 4_294_967_295)({ default: 1, desc: 'the seed of all that is random' }),
  STATUS_SENT_DELAY: durations({ default: [20, 60], desc: 'least and most, like "20ms 60ms"' }),
  STATUS_DELIVERED_DELAY: durations({ default: [100, 300], desc: 'least and most, like "100ms 300ms"' }),
  STATUS_READ_DELAY: durations({ default: [200, 600], desc: 'least and most, like "200ms 600ms"' }),
  WEBHOOK_CONCURRENCY: integer(1, 1000)({ default: 64, desc: 'how many webhooks are posted at once' }),
  WEBHOOK_TIMEOUT: duration(10, 60_000)({ default: 10_000, desc: 'how long an answer may take' }),
  MAX_WAITING_UPDATES: integer(
    1000,
    10_000_000,
  )({ default: 500_000, desc: 'above this many unacknowledged updates, traffic pauses' }),
};

export type SimulatorConfig = SimulatorOptions & { readonly httpPort: number };

/** @throws {ConfigurationError} naming every variable that is missing or wrong */
export function readConfig(env: NodeJS.ProcessEnv): SimulatorConfig {
  const settings = readEnvironment(simulatorSettings, env);
  const faults: Record<string, string> = {};
  const range = (variable: 'STATUS_SENT_DELAY' | 'STATUS_DELIVERED_DELAY' | 'STATUS_READ_DELAY'): Range => {
    const [min = 0, max = min, ...rest] = settings[variable];
    if (min > max || rest.length > 0) {
      faults[variable] = 'must be two durations, the smaller first, like "20ms 60ms"';
    }
    return [min, max];
  };
  const statuses = {
    sent: range('STATUS_SENT_DELAY'),
    delivered: range('STATUS_DELIVERED_DELAY'),
    read: range('STATUS_READ_DELAY'),
  };
  if (Object.keys(faults).length > 0) throw new ConfigurationError(faults);
  return {
    httpPort: settings.HTTP_PORT,
    webhookUrl: settings.WEBHOOK_URL,
    appSecret: settings.WHATSAPP_APP_SECRET,
    seed: settings.SIMULATOR_SEED,
    statuses,
    webhookConcurrency: settings.WEBHOOK_CONCURRENCY,
    webhookTimeoutMs: settings.WEBHOOK_TIMEOUT,
    maxWaitingUpdates: settings.MAX_WAITING_UPDATES,
  };
}
