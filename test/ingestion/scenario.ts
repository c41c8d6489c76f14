import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { readEnvironment } from '@talaria/config';
import { topics } from '@talaria/contracts';
import { createKafka, createTopics, type KafkaConfig, kafkaSettings } from '@talaria/kafka';
import { AppProcess } from '../../tools/platform/app-process';
import { freePorts } from '../../tools/stack/ports';
import { repositoryRoot } from '../../tools/stack/repository';
import { type Stack } from '../../tools/stack/stack';
import {
  type AcknowledgedReport,
  checkAcknowledged,
  countByStatus,
  eventually,
  longestSilenceMs,
  readMessageIds,
  startWebhookLoad,
  testDirectories,
  testLogger,
  type WebhookLoad,
} from '../kit';

/** Ingestion as a process, on topics and a spool of its own, under load. */
export type Scenario = {
  readonly config: KafkaConfig;
  readonly ingestion: AppProcess;
  readonly load: WebhookLoad;
  /** What waits in the spool, by its metrics. */
  readonly spoolBytes: () => Promise<number>;
  /** Waits until so many more messages are acknowledged. */
  readonly untilAcknowledged: (more: number) => Promise<void>;
  /** Ends the load, waits until the spool is drained, and compares. Kafka must be whole. */
  readonly finish: () => Promise<Outcome>;
  /** Ends everything. */
  readonly close: () => Promise<void>;
};

export type Outcome = AcknowledgedReport & {
  readonly statuses: Readonly<Record<number, number>>;
  readonly failures: number;
  readonly longestSilenceMs: number;
  /** How ingestion ended though nobody asked it to. */
  readonly unexpectedEnds: readonly string[];
};

/** How long ingestion lets a webhook wait for Kafka here. */
export const ACK_TIMEOUT_MS = 1000;
const DRAINED_WITHIN_MS = 120_000;

/** @param env settings beyond those that every scenario has */
export async function startScenario(
  stack: Stack,
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Scenario> {
  const unique = `test-${name}-${randomUUID().slice(0, 8)}`;
  const config = readEnvironment(kafkaSettings, {
    KAFKA_BROKERS: stack.kafkaBrokers,
    KAFKA_PREFIX: `${unique}.`,
  });
  const admin = createKafka(config, 'test', testLogger, {
    retry: { retries: 20, maxRetryTime: 1000 },
  }).admin();
  await admin.connect();
  const declared = [topics.webhooks, topics.webhooksDlq];
  const replicationFactor = stack.brokers.length;
  await createTopics(admin, declared, { prefix: config.KAFKA_PREFIX, replicationFactor });

  const [httpPort = 0, metricsPort = 0] = await freePorts(2);
  const directories = testDirectories(unique);
  const unexpectedEnds: string[] = [];
  const appSecret = 'chaos-app-secret';
  const ingestion = new AppProcess({
    name: 'ingestion',
    script: join(repositoryRoot(), 'dist/apps/ingestion/src/main.js'),
    httpPort,
    ...directories,
    onUnexpectedEnd: (_, how) => unexpectedEnds.push(how),
    env: {
      ...process.env,
      KAFKA_BROKERS: stack.kafkaBrokers,
      KAFKA_PREFIX: config.KAFKA_PREFIX,
      DATABASE_URL: '',
      HTTP_PORT: String(httpPort),
      METRICS_PORT: String(metricsPort),
      WHATSAPP_APP_SECRET: appSecret,
      WHATSAPP_VERIFY_TOKEN: 'chaos-verify-token',
      WEBHOOK_ACK_TIMEOUT: `${ACK_TIMEOUT_MS}ms`,
      SPOOL_DIR: join(directories.logDirectory, 'spool'),
      SPOOL_MAX_SIZE: '1GiB',
      SHUTDOWN_DELAY: '0s',
      ...env,
    },
  });
  await ingestion.start();
  const load = startWebhookLoad({ url: `${ingestion.url}/webhooks/whatsapp`, appSecret });

  async function spoolBytes(): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const [, value] = /^talaria_spool_bytes (\S+)$/m.exec(text) ?? [];
    if (value === undefined) throw new Error('the metrics do not tell of the spool');
    return Number(value);
  }

  return {
    config,
    ingestion,
    load,
    spoolBytes,
    async untilAcknowledged(more) {
      const wanted = load.acknowledgedAt.size + more;
      await eventually(() => {
        const missing = wanted - load.acknowledgedAt.size;
        if (missing > 0) throw new Error(`${missing} of ${more} messages are not acknowledged`);
      }, 60_000);
    },
    async finish() {
      await load.stop();
      await eventually(async () => expect(await spoolBytes()).toBe(0), DRAINED_WITHIN_MS);
      const written = await readMessageIds(config, topics.webhooks.name);
      const outcome = {
        ...checkAcknowledged(load.acknowledgedAt.keys(), written),
        statuses: countByStatus(load.answers),
        failures: load.failures(),
        longestSilenceMs: longestSilenceMs(load),
        unexpectedEnds,
      };
      tell(name, outcome);
      return outcome;
    },
    async close() {
      await load.stop(0);
      await ingestion.stop();
      await admin.deleteTopics({ topics: declared.map((topic) => config.KAFKA_PREFIX + topic.name) });
      await admin.disconnect();
    },
  };
}

/** One line for a person: how much such a test proves lies in its figures. */
function tell(name: string, outcome: Outcome): void {
  const { acknowledged, present, copies, outOfOrder, statuses, failures } = outcome;
  const silence = `${(outcome.longestSilenceMs / 1000).toFixed(1)} s`;
  process.stderr.write(
    `${name}: ${acknowledged} acknowledged, ${acknowledged - present} lost, ${copies} copies, ${outOfOrder.length} out of order, ` +
      `answers ${JSON.stringify(statuses)}, ${failures} without, longest silence ${silence}\n`,
  );
}
