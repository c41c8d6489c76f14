import './mends';
import { type Logger } from '@talaria/observability';
import { Kafka, type KafkaConfig as KafkaOptions, logLevel } from 'kafkajs';
import { authenticationOf } from './authentication';
import { adviceOn } from './refusals';
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
  return new Kafka({
    clientId,
    brokers: [...config.KAFKA_BROKERS],
    ...authenticationOf(config),
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
        const advice = adviceOn(message);
        const said = `kafkajs: ${message.slice(0, 200)}`;
        logger.warn(fields, advice === undefined ? said : `${said}: ${advice}`);
      },
  });
}
