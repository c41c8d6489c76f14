import '@talaria/observability/tracing-by-hand';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { groups, parseSendMessage, retryTiers, topics } from '@talaria/contracts';
import { createDataSource, sqlOf, untilMigrated, watchAnswers } from '@talaria/database';
import { adviceOn, createRecordReader, createVerifiedProducer, startConsumer } from '@talaria/kafka';
import { KafkaTransport } from '@talaria/kafka/transport';
import {
  createHealth,
  createLogLevels,
  createWorkingClock,
  nestLogger,
  runProcess,
} from '@talaria/observability';
import { servePrivately } from '@talaria/observability/private-server';
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
  showRegistryAge,
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
  const health = createHealth();
  const levels = createLogLevels(logger);
  const privately = await servePrivately({ port: config.METRICS_PORT, health, levels });
  const dataSource = await createDataSource(config).initialize();
  await untilMigrated(dataSource, (pending) => {
    health.starting(`the schema lacks ${pending.join(', ')}`);
    logger.warn({ pending }, 'waits for the schema of this release: talaria database migrate');
  });
  const database = watchAnswers(sqlOf(dataSource));
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
  const clock = createWorkingClock(() => (producer.fault() ?? database.fault()) !== undefined);
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
    ...{ dataSource, database: config, pollMs: config.REGISTRY_POLL, logger },
    keys: createKeyProvider(config, (fault) =>
      logger.error(`SECRETS_KEYS_FILE ${fault}: the keys stay as they were`),
    ),
    onChange: () => parts.dispatcher?.setRates(),
  });
  const outlet = createOutlet(producer);
  const ledger = createLedger(sqlOf(dataSource), randomUUID());
  const transport = new KafkaTransport({
    ...{ config, groupId: groups.dispatcher, logger, onFatal: stop, clock },
    onAssigned: (assignment) => {
      dispatcher.takeOver();
      backlog.assigned(assignment);
    },
  });
  const ownedShare = () => transport.ownedShare(topics.outbound.name);
  const dispatcher = createDispatcher({
    config,
    ledger,
    registry,
    client,
    outlet,
    logger,
    ownedShare,
    clock,
  });
  parts.dispatcher = dispatcher;
  const backlog = createBacklog({
    table: createBacklogTable(sqlOf(dataSource)),
    add: (job) => dispatcher.add(job),
    rateOf: (phoneNumberId) =>
      dispatcher.isPaused(phoneNumberId) ? 0 : (registry.find(phoneNumberId)?.messagesPerSecond ?? 0),
    max: { commands: config.DISPATCH_MAX_QUEUED, bytes: config.DISPATCH_MAX_QUEUED_SIZE },
    copyAfterMs: 60_000,
    // Longer than Kafka waits for a follower before it goes on without it (replica.lag.time.max.ms, 30 s).
    anewAfterMs: 60_000,
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
  showRegistryAge(() => (performance.now() - registry.knownSince) / 1000);
  showNumbers(() => Object.entries(registry.states()).map(([state, count]) => [{ state }, count] as const));
  const unknown = watchUnknown(sqlOf(dataSource), logger);

  const failures = createFailureLedger(sqlOf(dataSource));
  // A group of its own: partition i of the commands' topics goes to one member, whatever partition of the events it has.
  const statuses = await startConsumer({
    ...{ config, groupId: groups.dispatcherStatuses, logger, onFatal: stop, clock },
    handlers: new Map([
      [topics.events.name, takeFailedStatuses({ config, ledger: failures, reader, outlet, logger })],
    ]),
  });

  const app = await NestFactory.createMicroservice(AppModule.with({ backlog, outlet, logger }), {
    strategy: transport,
    logger: nestLogger(logger),
    abortOnError: false,
  });
  await app.listen();
  const notJoined = (consumer: { joined(): boolean }) =>
    consumer.joined() ? undefined : 'not a member of its group yet';
  const joined = { consumer: () => notJoined(transport), statuses: () => notJoined(statuses) };
  health.use({
    startup: joined,
    live: {
      consumer: () => transport.fault(),
      statuses: () => statuses.fault(),
      turns: () => dispatcher.fault(),
      registry: () => registry.stalled(),
    },
    ready: { ...joined, kafka: () => adviceOn(producer.fault()), database: () => database.fault() },
  });
  return {
    close: async () => {
      await Promise.all([registry.close(), unknown.close()]);
      await statuses.close();
      // Before the transport closes: what is under way still gets its offset committed.
      await dispatcher.stop();
      await backlog.close();
      await app.close();
      await reader.close();
      await producer.close();
      await client.close();
      clock.close();
      database.close();
      await dataSource.destroy();
      await privately.close();
    },
  };
});
