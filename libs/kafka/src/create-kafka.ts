import './quiet-request-queue';
import './rejoin';
import { type Logger } from '@talaria/observability';
import { Kafka, type KafkaConfig as KafkaOptions, logLevel, type SASLOptions } from 'kafkajs';
import { type KafkaConfig } from './settings';

/**
 * A client of its own for each producer, consumer and admin: kafkajs shares state between those made of one
 * (consumers wipe each other's offsets). Its own chatter is kept at warnings.
 * @param options.onWarning called for each of them: it may be all that kafkajs shows of itself while it tries to connect
 */
export function createKafka(
  config: KafkaConfig,
  clientId: string,
  logger: Logger,
  {
    retry = {},
    onWarning,
    ...options
  }: Pick<KafkaOptions, 'retry' | 'socketFactory'> & { readonly onWarning?: () => void } = {},
): Kafka {
  const sasl = saslOf(config);
  return new Kafka({
    clientId,
    brokers: [...config.KAFKA_BROKERS],
    ssl: config.KAFKA_SSL === 'true',
    ...(sasl && { sasl }),
    connectionTimeout: 3000,
    requestTimeout: 5000,
    retry,
    ...options,
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ level, log: { message, error } }) => {
        const fields = { kafkajs: { error: typeof error === 'string' ? error.slice(0, 200) : undefined } };
        if (level > logLevel.WARN) return;
        onWarning?.();
        logger.warn(fields, `kafkajs: ${message.slice(0, 200)}`);
      },
  });
}

function saslOf(config: KafkaConfig): SASLOptions | undefined {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = config;
  if (mechanism === undefined || username === undefined || password === undefined) return undefined;
  return { mechanism, username, password };
}
