import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { readEnvironment } from '@talaria/config';
import { createKafka, type KafkaConfig, kafkaSettings } from '@talaria/kafka';
import {
  type Platform,
  type PlatformDirectories,
  type PlatformOptions,
  startPlatform,
} from '../../tools/platform/platform';
import { repositoryRoot } from '../../tools/stack/repository';
import { required } from './database';
import { testLogger } from './logger';

/** The whole platform as processes, on the servers that `npm test` provides, on topics and a database of the test's own. */
export function testPlatform(name: string, env: PlatformOptions['env'] = {}): Promise<Platform> {
  const unique = `test-${name}-${randomUUID().slice(0, 8)}`;
  return startPlatform({
    name: unique,
    kafkaBrokers: required('KAFKA_BROKERS'),
    databaseUrl: required('DATABASE_URL'),
    env,
    directories: testDirectories(unique),
  });
}

/** `npm test` ends what is left running in these, and removes them. */
export function testDirectories(name: string): PlatformDirectories {
  const directory = join(repositoryRoot(), '.talaria/tests', name);
  return {
    logDirectory: directory,
    pidDirectory: join(directory, 'pids'),
    spoolDirectory: join(directory, 'spool'),
  };
}

export function kafkaConfigOf(platform: Platform): KafkaConfig {
  return readEnvironment(kafkaSettings, {
    KAFKA_BROKERS: platform.kafkaBrokers,
    KAFKA_PREFIX: platform.kafkaPrefix,
  });
}

/** Publishes as a product would: plain kafkajs, key and value. */
export async function publish(
  platform: Platform,
  topic: string,
  messages: readonly {
    readonly key: string;
    readonly value: string;
    readonly headers?: Record<string, string>;
  }[],
): Promise<void> {
  const producer = createKafka(kafkaConfigOf(platform), 'test-product', testLogger).producer();
  await producer.connect();
  await producer.send({ topic: platform.kafkaPrefix + topic, acks: -1, messages: [...messages] });
  await producer.disconnect();
}
