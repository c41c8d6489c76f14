import { randomUUID } from 'node:crypto';
import { readEnvironment } from '@talaria/config';
import { createKafka, type KafkaConfig, kafkaSettings } from '@talaria/kafka';
import { type Platform, type PlatformOptions, startPlatform } from '../../tools/platform/platform';
import { required } from './database';
import { testLogger } from './logger';

/** The whole platform as processes, on the servers that `npm test` provides, on topics and a database of the test's own. */
export function testPlatform(name: string, env: PlatformOptions['env'] = {}): Promise<Platform> {
  return startPlatform({
    name: `test-${name}-${randomUUID().slice(0, 8)}`,
    kafkaBrokers: required('KAFKA_BROKERS'),
    databaseUrl: required('DATABASE_URL'),
    env,
  });
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
