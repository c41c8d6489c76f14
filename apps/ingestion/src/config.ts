import { duration, list, port, readEnvironment, text } from '@talaria/config';
import { kafkaSettings } from '@talaria/kafka';

export const settings = {
  ...kafkaSettings,
  HTTP_PORT: port({ default: 3000, desc: 'where webhooks and health are served' }),
  METRICS_PORT: port({ default: 9464, desc: 'where /metrics is served; never route it publicly' }),
  WHATSAPP_APP_SECRET: list(2)({
    desc: "the Meta app's secret; two, separated by a comma, while it is being rotated",
  }),
  WHATSAPP_VERIFY_TOKEN: text({ desc: 'the verify token that was typed into the App Dashboard' }),
  WEBHOOK_ACK_TIMEOUT: duration(
    100,
    30_000,
  )({
    default: 2000,
    desc: 'how long a webhook may wait for Kafka before it is answered 503, like 2s',
  }),
};

export type IngestionConfig = ReturnType<typeof readConfig>;

export function readConfig(env: NodeJS.ProcessEnv) {
  return readEnvironment(settings, env);
}
