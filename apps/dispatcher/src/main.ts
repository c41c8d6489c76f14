import '@talaria/observability/tracing';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { retryTiers, topics } from '@talaria/contracts';
import { createDataSource, sqlOf } from '@talaria/database';
import { createVerifiedProducer, KafkaTransport } from '@talaria/kafka';
import { gauge, nestLogger, runProcess, startMetricsServer } from '@talaria/observability';
import { createCloudApiClient } from '@talaria/whatsapp';
import { AppModule } from './app.module';
import { readConfig } from './config';
import { createDispatcher, type Dispatcher } from './dispatch/dispatcher';
import { createOutlet } from './dispatch/outlet';
import { createLedger } from './ledger/ledger';
import { openRegistry } from './registry';

runProcess('dispatcher', async (logger, stop) => {
  const config = readConfig(process.env);
  const metrics = await startMetricsServer(config.METRICS_PORT);
  const dataSource = await createDataSource(config).initialize();
  const producer = await createVerifiedProducer({
    config,
    clientId: 'talaria.dispatcher',
    topics: [topics.dispatches.name, topics.outboundDlq.name, ...retryTiers.map(({ topic }) => topic.name)],
    logger,
  });
  const client = createCloudApiClient({
    baseUrl: config.GRAPH_API_URL,
    version: config.GRAPH_API_VERSION,
    timeoutMs: config.GRAPH_API_TIMEOUT,
    connections: config.DISPATCH_MAX_IN_FLIGHT,
  });
  const parts: { dispatcher?: Dispatcher } = {};
  const registry = await openRegistry(dataSource, config.REGISTRY_POLL, logger, () =>
    parts.dispatcher?.setRates(),
  );
  const outlet = createOutlet(producer);
  const ledger = createLedger(sqlOf(dataSource), randomUUID());
  const dispatcher = createDispatcher({ config, ledger, registry, client, outlet, logger });
  parts.dispatcher = dispatcher;
  gauge('talaria_dispatch_queued', 'Commands held in memory', () => dispatcher.queued);
  gauge('talaria_dispatch_in_flight', 'Calls under way', () => dispatcher.inFlight);

  const transport = new KafkaTransport({ config, groupId: 'talaria.dispatcher', logger, onFatal: stop });
  const isDatabaseReachable = () =>
    dataSource.query('SELECT 1').then(
      () => undefined,
      () => 'not reachable',
    );
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with({ dispatcher, outlet, logger, transport, isDatabaseReachable }),
    new FastifyAdapter(),
    { logger: nestLogger(logger), abortOnError: false },
  );
  app.connectMicroservice({ strategy: transport });
  await app.startAllMicroservices();
  await app.listen(config.HTTP_PORT, '0.0.0.0');
  return {
    close: async () => {
      registry.close();
      await app.close();
      await producer.close();
      await client.close();
      await dataSource.destroy();
      await metrics.close();
    },
  };
});
