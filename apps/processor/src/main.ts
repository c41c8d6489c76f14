import '@talaria/observability/tracing';
import { topics } from '@talaria/contracts';
import { createDataSource, sqlOf, untilMigrated, watchAnswers } from '@talaria/database';
import { adviceOn, createVerifiedProducer } from '@talaria/kafka';
import { createHealth, createLogLevels, createWorkingClock, runProcess } from '@talaria/observability';
import { servePrivately } from '@talaria/observability/private-server';
import { readConfig } from './config';
import { indexLetters } from './dead-letters/index-letters';
import { reportInbound } from './inbound/report-inbound';
import { runVersions } from './rebuild/run-versions';
import { watchFigures } from './watch-figures';

runProcess('processor', async (logger, stop) => {
  const config = readConfig(process.env);
  const health = createHealth();
  const levels = createLogLevels(logger);
  const privately = await servePrivately({ port: config.METRICS_PORT, health, levels });
  const dataSource = await createDataSource({ ...config, DATABASE_POOL_SIZE: 3 }).initialize();
  await untilMigrated(dataSource, (pending) => {
    health.starting(`the schema lacks ${pending.join(', ')}`);
    logger.warn({ pending }, 'waits for the schema of this release: talaria database migrate');
  });
  const database = watchAnswers(sqlOf(dataSource));
  const producer = await createVerifiedProducer({
    config,
    clientId: 'talaria.processor',
    topics: [topics.events.name, topics.webhooksDlq.name],
    logger,
  });
  const clock = createWorkingClock(() => (producer.fault() ?? database.fault()) !== undefined);
  const inbound = reportInbound(sqlOf(dataSource), logger);
  const versions = runVersions(dataSource, { config, producer, logger, inbound, onFatal: stop, clock });
  const letters = indexLetters({ config, sql: sqlOf(dataSource), logger, onFatal: stop, clock });
  const figures = watchFigures(sqlOf(dataSource), logger);
  health.use({
    startup: { consumers: () => versions.notStarted() },
    live: { consumers: () => versions.fault(), deadLetters: () => letters.fault() },
    ready: {
      consumers: () => versions.notReady(),
      deadLetters: () => letters.notReady(),
      kafka: () => adviceOn(producer.fault()),
      database: () => database.fault(),
    },
  });
  return {
    close: async () => {
      await figures.close();
      await letters.close();
      await versions.close();
      await inbound.close();
      await producer.close();
      clock.close();
      database.close();
      await dataSource.destroy();
      await privately.close();
    },
  };
});
