import '@talaria/observability/tracing-by-hand';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { topics } from '@talaria/contracts';
import { createVerifiedProducer } from '@talaria/kafka';
import { createHealth, createLogLevels, type Logger, runProcess } from '@talaria/observability';
import { servePrivately } from '@talaria/observability/private-server';
import { createKeyProvider } from '@talaria/registry';
import { Spool, watchSpool } from '@talaria/spool';
import { type Apps, onlyApp, ownAppOf } from './apps/app';
import { watchApps } from './apps/apps.metrics';
import { followApps } from './apps/follow-apps';
import { type IngestionConfig, readConfig } from './config';
import { createApp } from './create-app';
import { RecordWriter } from './spool/record-writer';

/** Requests that are not answered by then are cut off; Meta sends them again. */
const FINISH_REQUESTS_MS = 3_000;

runProcess('ingestion', async (logger, stop) => {
  const config = readConfig(process.env);
  const openSpool = (directory: string) =>
    Spool.open({ directory, maxBytes: config.SPOOL_MAX_SIZE, logger, onLost: stop });
  const spool = await openSpool(config.SPOOL_DIR);
  let refused: Promise<Spool> | undefined;
  watchSpool(spool);
  const health = createHealth();
  const levels = createLogLevels(logger);
  const privately = await servePrivately({ port: config.METRICS_PORT, health, levels });
  const writer = new RecordWriter({
    connect: () =>
      createVerifiedProducer({
        config,
        clientId: 'talaria.ingestion',
        topics: [topics.webhooks.name, topics.webhooksDlq.name],
        logger,
      }),
    spool,
    openRefused: () => {
      // Tried again when it could not be opened: the disk may have been full.
      refused ??= openSpool(join(config.SPOOL_DIR, 'refused')).catch((error: unknown) => {
        refused = undefined;
        throw error;
      });
      return refused;
    },
    budgetMs: config.WEBHOOK_ACK_TIMEOUT,
    logger,
    onFatal: stop,
  });
  writer.start();
  const apps = await openApps(config, logger);
  const app = await createApp(config, apps, writer, logger);
  await app.listen(config.HTTP_PORT, '0.0.0.0');
  health.use({
    startup: { kafka: () => writer.starting() },
    live: { spool: () => writer.stalled(), apps: () => apps.stalled() },
    ready: { webhooks: () => writer.fault(), apps: () => apps.fault() },
  });
  return {
    // At most 3 s, 3 s and 2.5 s, and a second for traces: below the 10 s that stopping may take.
    close: async () => {
      await sleep(config.SHUTDOWN_DELAY);
      await finishRequests(app);
      await Promise.all([writer.close(), apps.close()]);
      await (await refused)?.close();
      await privately.close();
    },
  };
});

/** Without a database nothing of it is touched. */
async function openApps(config: IngestionConfig, logger: Logger): Promise<Apps> {
  const own = ownAppOf(config);
  const { DATABASE_URL, DATABASE_SSL_CA, SECRETS_KEYS = [], SECRETS_KEYS_FILE } = config;
  if (DATABASE_URL === undefined) return onlyApp(own);
  const keys = createKeyProvider({ SECRETS_KEYS, SECRETS_KEYS_FILE }, (fault) =>
    logger.error(`SECRETS_KEYS_FILE ${fault}: the keys stay as they were`),
  );
  const apps = await followApps({
    ...{ own, keys, logger },
    database: { DATABASE_URL, DATABASE_SSL_CA },
    pollMs: config.REGISTRY_POLL,
    directory: config.SPOOL_DIR,
  });
  watchApps(apps);
  return apps;
}

/** No new connections; what is under way is answered, and what is too slow for that is cut off. */
async function finishRequests(app: NestFastifyApplication): Promise<void> {
  const { server } = app.getHttpAdapter().getInstance();
  // A connection whose last request began before the stop is kept alive by its answer.
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  const late = setTimeout(() => server.closeAllConnections(), FINISH_REQUESTS_MS);
  await app.close();
  clearInterval(idle);
  clearTimeout(late);
}
