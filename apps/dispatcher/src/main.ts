import '@talaria/observability/tracing';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { parseSendMessage, retryTiers, topics } from '@talaria/contracts';
import { createDataSource, sqlOf } from '@talaria/database';
import { createRecordReader, createVerifiedProducer, KafkaTransport, startConsumer } from '@talaria/kafka';
import { nestLogger, runProcess, startMetricsServer } from '@talaria/observability';
import { createKeyProvider } from '@talaria/registry';
import { createCloudApiClient } from '@talaria/whatsapp';
import { AppModule } from './app.module';
import { createBacklog } from './backlog/backlog';
import { createBacklogTable } from './backlog/backlog-table';
import { showQueues } from './backlog/show-queues';
import { readConfig } from './config';
import {
  showInFlight,
  showNumbers,
  showParked,
  showPaused,
  showQueued,
  showResting,
  showTokenFaults,
} from './dispatch/dispatch.metrics';
import { createDispatcher, type Dispatcher } from './dispatch/dispatcher';
import { createOutlet } from './dispatch/outlet';
import { refuse } from './dispatch/refuse';
import { createFailureLedger } from './ledger/failures';
import { createLedger } from './ledger/ledger';
import { watchUnknown } from './ledger/watch-unknown';
import { openRegistry } from './registry';
import { takeFailedStatuses } from './statuses/take-failed-statuses';

runProcess('dispatcher', async (logger, stop) => {
  const config = readConfig(process.env);
  const metrics = await startMetricsServer(config.METRICS_PORT);
  const dataSource = await createDataSource(config).initialize();
  const producer = await createVerifiedProducer({
    config,
    clientId: 'talaria.dispatcher',
    topics: [
      topics.outbound.name,
      topics.dispatches.name,
      topics.outboundDlq.name,
      ...retryTiers.map(({ topic }) => topic.name),
    ],
    logger,
  });
  const reader = createRecordReader({
    ...{ config, clientId: 'talaria.dispatcher', logger },
    topics: [topics.outbound.name, ...retryTiers.map(({ topic }) => topic.name)],
  });
  const client = createCloudApiClient({
    baseUrl: config.GRAPH_API_URL,
    version: config.GRAPH_API_VERSION,
    timeoutMs: config.GRAPH_API_TIMEOUT,
    connections: config.DISPATCH_MAX_IN_FLIGHT,
  });
  const parts: { dispatcher?: Dispatcher } = {};
  const registry = await openRegistry({
    ...{ dataSource, url: config.DATABASE_URL, pollMs: config.REGISTRY_POLL, logger },
    keys: createKeyProvider(config, (fault) =>
      logger.error(`SECRETS_KEYS_FILE ${fault}: the keys stay as they were`),
    ),
    onChange: () => parts.dispatcher?.setRates(),
  });
  const outlet = createOutlet(producer);
  const ledger = createLedger(sqlOf(dataSource), randomUUID());
  const transport = new KafkaTransport({
    ...{ config, groupId: 'talaria.dispatcher', logger, onFatal: stop },
    onAssigned: (assignment) => {
      dispatcher.takeOver();
      backlog.assigned(assignment);
    },
  });
  const ownedShare = () => transport.ownedShare(topics.outbound.name);
  const dispatcher = createDispatcher({ config, ledger, registry, client, outlet, logger, ownedShare });
  parts.dispatcher = dispatcher;
  const backlog = createBacklog({
    table: createBacklogTable(sqlOf(dataSource)),
    add: (job) => dispatcher.add(job),
    rateOf: (phoneNumberId) =>
      dispatcher.isPaused(phoneNumberId) ? 0 : (registry.find(phoneNumberId)?.messagesPerSecond ?? 0),
    max: { commands: config.DISPATCH_MAX_QUEUED, bytes: config.DISPATCH_MAX_QUEUED_SIZE },
    copyAfterMs: 60_000,
    async read(record) {
      const parsed = parseSendMessage(record.value);
      if (parsed.ok) return parsed.command;
      await refuse({ outlet, logger }, record, parsed);
      return undefined;
    },
    logger,
  });
  showQueues(backlog, () => dispatcher.oldest(), config.METRICS_MAX_LABELS);
  showQueued(() => dispatcher.queued);
  showInFlight(() => dispatcher.inFlight);
  showPaused(() => dispatcher.paused);
  showParked(() => dispatcher.resting('refused'));
  showResting(() => dispatcher.resting('trouble'));
  showTokenFaults(() => registry.tokenFaults);
  showNumbers(() => Object.entries(registry.states()).map(([state, count]) => [{ state }, count] as const));
  const unknown = watchUnknown(sqlOf(dataSource), logger);

  const failures = createFailureLedger(sqlOf(dataSource));
  // A group of its own: partition i of the commands' topics goes to one member, whatever partition of the events it has.
  const statuses = await startConsumer({
    ...{ config, groupId: 'talaria.dispatcher.statuses', logger, onFatal: stop },
    handlers: new Map([
      [topics.events.name, takeFailedStatuses({ config, ledger: failures, reader, outlet, logger })],
    ]),
  });

  const isDatabaseReachable = () =>
    dataSource.query('SELECT 1').then(
      () => undefined,
      () => 'not reachable',
    );
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with({ backlog, dispatcher, outlet, logger, transport, statuses, isDatabaseReachable }),
    new FastifyAdapter(),
    { logger: nestLogger(logger), abortOnError: false },
  );
  app.connectMicroservice({ strategy: transport });
  await app.startAllMicroservices();
  await app.listen(config.HTTP_PORT, '0.0.0.0');
  return {
    close: async () => {
      await Promise.all([registry.close(), unknown.close()]);
      await statuses.close();
      await app.close();
      await reader.close();
      await producer.close();
      await client.close();
      await dataSource.destroy();
      await metrics.close();
    },
  };
});
