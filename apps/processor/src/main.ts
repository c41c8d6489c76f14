import '@talaria/observability/tracing';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { topics } from '@talaria/contracts';
import { createDataSource, sqlOf } from '@talaria/database';
import { createVerifiedProducer } from '@talaria/kafka';
import { nestLogger, runProcess, startMetricsServer } from '@talaria/observability';
import { AppModule } from './app.module';
import { readConfig } from './config';
import { indexLetters } from './dead-letters/index-letters';
import { reportInbound } from './inbound/report-inbound';
import { runVersions } from './rebuild/run-versions';
import { watchFigures } from './watch-figures';

runProcess('processor', async (logger, stop) => {
  const config = readConfig(process.env);
  const metrics = await startMetricsServer(config.METRICS_PORT);
  const dataSource = await createDataSource({ ...config, DATABASE_POOL_SIZE: 3 }).initialize();
  const producer = await createVerifiedProducer({
    config,
    clientId: 'talaria.processor',
    topics: [topics.events.name, topics.webhooksDlq.name],
    logger,
  });
  const inbound = reportInbound(sqlOf(dataSource), logger);
  const versions = runVersions(dataSource, { config, producer, logger, inbound, onFatal: stop });
  const letters = indexLetters({ config, sql: sqlOf(dataSource), logger, onFatal: stop });
  const figures = watchFigures(sqlOf(dataSource), logger);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with({ versions, letters, dataSource }),
    new FastifyAdapter(),
    { logger: nestLogger(logger), abortOnError: false },
  );
  await app.listen(config.HTTP_PORT, '0.0.0.0');
  return {
    close: async () => {
      await app.close();
      await figures.close();
      await letters.close();
      await versions.close();
      await inbound.close();
      await producer.close();
      await dataSource.destroy();
      await metrics.close();
    },
  };
});
