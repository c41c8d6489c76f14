import { bytes, duration, integer, list, port, text } from '@talaria/config';
import { kafkaSettings } from '@talaria/kafka';

/** What ingestion reads from its environment. */
export const ingestionSettings = {
  ...kafkaSettings,
  HTTP_PORT: port({ default: 3000, desc: 'where webhooks and health are served' }),
  HTTP_MAX_CONNECTIONS: integer(
    1,
    100_000,
  )({ default: 4096, desc: 'how many connections may be open; further ones are closed at once' }),
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
    desc: 'how long Kafka may take for a webhook, like 2s; after it webhooks go to the spool until Kafka takes them again',
  }),
  SPOOL_DIR: text({
    desc: 'the folder that keeps webhooks while Kafka does not take them, like /var/lib/talaria/spool: on a disk that outlives the process, one folder for each process',
  }),
  SPOOL_MAX_SIZE: bytes({
    default: 1024 ** 3,
    desc: 'how much the spool may take on the disk, like 512MiB; beyond it webhooks are answered 503',
  }),
  SHUTDOWN_DELAY: duration(
    0,
    3000,
  )({
    default: 2000,
    desc: 'how long webhooks are still taken after SIGTERM, while the load balancer finds out that the process is not ready',
  }),
};
