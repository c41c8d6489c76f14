import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvironment } from '@talaria/config';
import { createKafka, createTopics, type KafkaConfig, kafkaSettings } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { type Admin } from 'kafkajs';
import { AppProcess } from '../platform/app-process';
import { prepareTopics } from '../setup/prepare';
import { freePorts } from '../stack/ports';
import { repositoryRoot } from '../stack/repository';
import { type BenchContext } from './bench-case';

export const appSecret = 'bench-app-secret';

/** What every part of a case stands on: topics of its own, and a folder for what the servers keep. */
export type Ground = Pick<BenchContext, 'say' | 'signal' | 'options'> & {
  readonly config: KafkaConfig;
  readonly admin: Admin;
  /** Undefined: Kafka's processes are not ours to watch. */
  readonly kafkaPids: readonly number[] | undefined;
  readonly directory: string;
  /** A server under test in a process of its own, ready. @param script below the build's root */
  startServer(name: string, script: string, env: Readonly<Record<string, string>>): Promise<AppProcess>;
  /** Topics beside Talaria's own; without the prefix. */
  createTopic(name: string): Promise<void>;
  /** What `close` has to end as well. May be called again for what was ended before. */
  readonly atClose: (step: () => Promise<void>) => void;
  /** Ends the servers that still run, and removes topics and folder. */
  close(): Promise<void>;
};

/** @param options.partitions of each topic of Talaria's; default: as they are declared */
export async function openGround(
  { say, signal, options }: BenchContext,
  kafka: { readonly kafkaBrokers: string; readonly kafkaPids: readonly number[] },
  { partitions }: { readonly partitions?: number } = {},
): Promise<Ground> {
  const name = `bench-${Date.now().toString(36)}`;
  const root = repositoryRoot();
  const directory = join(root, '.talaria/bench', name);
  const config = readEnvironment(kafkaSettings, {
    ...process.env,
    KAFKA_BROKERS: kafka.kafkaBrokers,
    KAFKA_PREFIX: `${name}.`,
  });
  const steps: (() => Promise<unknown>)[] = [];
  mkdirSync(directory, { recursive: true });
  const admin = createKafka(config, 'bench-admin', createLogger('bench', 'error')).admin();
  await admin.connect();

  async function removeTopics(): Promise<void> {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(config.KAFKA_PREFIX));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  }

  async function close(): Promise<void> {
    // The last one first: a server before what it writes to.
    for (const step of steps.reverse()) await step();
    await removeTopics().finally(() => admin.disconnect());
    rmSync(directory, { recursive: true, force: true });
  }

  try {
    await prepareTopics(config, partitions === undefined ? {} : { KAFKA_PARTITIONS: String(partitions) });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    say,
    signal,
    options,
    config,
    admin,
    kafkaPids: kafka.kafkaPids.length > 0 ? kafka.kafkaPids : undefined,
    directory,
    async startServer(serverName, script, env) {
      signal.throwIfAborted();
      const [httpPort = 0] = await freePorts(1);
      const server = new AppProcess({
        name: serverName,
        script: join(root, 'dist', script),
        httpPort,
        logDirectory: join(root, '.talaria/logs', name),
        pidDirectory: join(root, '.talaria/pids'),
        onUnexpectedEnd: (who, how) => say(`${who} has ended: ${how}`),
        env: {
          ...process.env,
          NODE_ENV: 'production',
          LOG_LEVEL: 'warn',
          HTTP_PORT: String(httpPort),
          KAFKA_BROKERS: kafka.kafkaBrokers,
          KAFKA_PREFIX: config.KAFKA_PREFIX,
          WHATSAPP_APP_SECRET: appSecret,
          ...env,
        },
      });
      steps.push(() => server.stop());
      await server.start();
      return server;
    },
    async createTopic(topic) {
      const declaration = { name: topic, partitions: 12, retentionMs: -1 };
      await createTopics(admin, [declaration], { prefix: config.KAFKA_PREFIX, replicationFactor: 1 });
    },
    atClose: (step) => void steps.push(step),
    close,
  };
}
