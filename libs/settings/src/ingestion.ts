import {
  bytes,
  type Combinations,
  duration,
  integer,
  list,
  parsed,
  port,
  postgresUrl,
  text,
} from '@talaria/config';
import { databaseSettings } from '@talaria/database';
import { kafkaSettings } from '@talaria/kafka';
import { parseKeys, secretsSettings } from '@talaria/registry';

/** What ingestion reads from its environment. */
export const ingestionSettings = {
  ...kafkaSettings,
  HTTP_PORT: port({ default: 3000, desc: 'where webhooks are served' }),
  HTTP_MAX_CONNECTIONS: integer(
    1,
    100_000,
  )({ default: 4096, desc: 'how many connections may be open; further ones are closed at once' }),
  METRICS_PORT: port({
    default: 9464,
    desc: 'where /metrics, /health and /log-level are served; never route it publicly',
  }),
  WHATSAPP_APP_SECRET: list(2)({
    default: undefined,
    desc: 'the secret of the Meta app whose webhooks come to `/webhooks/whatsapp`; two, separated by a comma, while it is being rotated. Required without `DATABASE_URL`',
  }),
  WHATSAPP_VERIFY_TOKEN: text({
    default: undefined,
    desc: "the verify token that was typed into that app's dashboard; required with `WHATSAPP_APP_SECRET`",
  }),
  DATABASE_URL: postgresUrl({
    default: undefined,
    desc: 'the database whose apps are served, each at `/webhooks/whatsapp/{app}`; never asked for a webhook. Needs `SECRETS_KEYS` or `SECRETS_KEYS_FILE`',
  }),
  DATABASE_SSL_CA: databaseSettings.DATABASE_SSL_CA,
  SECRETS_KEYS: parsed(parseKeys)({
    default: undefined,
    desc: "the keys that open the apps' secrets, as the dispatcher has them",
  }),
  SECRETS_KEYS_FILE: secretsSettings.SECRETS_KEYS_FILE,
  REGISTRY_POLL: duration(100)({
    default: 1000,
    desc: 'how often the apps are looked at in the database, whether or not Postgres told of a change',
  }),
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

/** Whose webhooks are taken: those of one app of the environment, of the apps in the database, or of both. */
export const ingestionCombinations: Combinations<typeof ingestionSettings> = (isSet) => {
  const hasOwnApp = isSet('WHATSAPP_APP_SECRET') || isSet('WHATSAPP_VERIFY_TOKEN');
  const needsOwnApp = hasOwnApp || !isSet('DATABASE_URL');
  const orDatabase = hasOwnApp ? '' : '; or DATABASE_URL, for the apps in the database';
  return {
    ...(needsOwnApp &&
      !isSet('WHATSAPP_APP_SECRET') && {
        WHATSAPP_APP_SECRET: `is missing: the secret of the Meta app whose verify token is WHATSAPP_VERIFY_TOKEN${orDatabase}`,
      }),
    ...(needsOwnApp &&
      !isSet('WHATSAPP_VERIFY_TOKEN') && {
        WHATSAPP_VERIFY_TOKEN: `is missing: the verify token that was typed into the dashboard of the app whose secret is WHATSAPP_APP_SECRET${orDatabase}`,
      }),
    ...(isSet('DATABASE_URL') &&
      !isSet('SECRETS_KEYS') && {
        SECRETS_KEYS:
          "is missing: the secrets of the database's apps are sealed; give the dispatcher's keys, as SECRETS_KEYS or SECRETS_KEYS_FILE, or leave out DATABASE_URL",
      }),
  };
};
