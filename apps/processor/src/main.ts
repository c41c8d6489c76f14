import '@talaria/observability/tracing';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { topics } from '@talaria/contracts';
import { createDataSource } from '@talaria/database';
import { createVerifiedProducer, KafkaTransport } from '@talaria/kafka';
import { nestLogger, runProcess, startMetricsServer } from '@talaria/observability';
import { AppModule } from './app.module';
import { readConfig } from './config';

runProcess('processor', async (logger, stop) => {
  const config = readConfig(process.env);
  const metrics = await startMetricsServer(config.METRICS_PORT);
  const dataSource = await createDataSource(config, 1).initialize();
  const producer = await createVerifiedProducer({
    config,
    clientId: 'talaria.processor',
    topics: [topics.events.name, topics.webhooksDlq.name],
    logger,
  });
  const transport = new KafkaTransport({ config, groupId: 'talaria.processor.1', logger, onFatal: stop });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with({ dataSource, producer, logger }, transport),
    new FastifyAdapter(),
    { logger: nestLogger(logger), abortOnError: false },
  );
  app.connectMicroservice({ strategy: transport });
  await app.startAllMicroservices();
  await app.listen(config.HTTP_PORT, '0.0.0.0');
  return {
    close: async () => {
      await app.close();
      await metrics.close();
    },
  };
});
