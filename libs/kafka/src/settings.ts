import { addresses, duration, type Environment, oneOf, pattern, text } from '@talaria/config';

/** The variables of every process that talks to Kafka. */
export const kafkaSettings = {
  KAFKA_BROKERS: addresses({ desc: 'the brokers as comma-separated host:port pairs, like localhost:9092' }),
  KAFKA_PREFIX: pattern(
    /^[a-zA-Z0-9.-]{0,64}$/,
    'up to 64 of a-z, A-Z, 0-9, dot and dash',
  )({
    default: '',
    desc: 'put before the name of every topic and consumer group, so that installations can share a cluster',
  }),
  KAFKA_SESSION_TIMEOUT: duration(
    6000,
    300_000,
  )({
    default: 30_000,
    desc: 'how long a consumer may be silent before its partitions go to others; a killed process is missed for so long',
  }),
  KAFKA_SSL: oneOf('true', 'false')({ default: 'false', desc: 'true for TLS to the brokers' }),
  KAFKA_SASL_MECHANISM: oneOf(
    'plain',
    'scram-sha-256',
    'scram-sha-512',
  )({
    default: undefined,
    desc: 'plain, scram-sha-256 or scram-sha-512',
    requiredWhen: ({ KAFKA_SASL_USERNAME }) => KAFKA_SASL_USERNAME !== undefined,
  }),
  KAFKA_SASL_USERNAME: text({
    default: undefined,
    desc: 'the user for SASL',
    requiredWhen: ({ KAFKA_SASL_MECHANISM }) => KAFKA_SASL_MECHANISM !== undefined,
  }),
  KAFKA_SASL_PASSWORD: text({
    default: undefined,
    desc: 'the password for SASL',
    requiredWhen: ({ KAFKA_SASL_MECHANISM }) => KAFKA_SASL_MECHANISM !== undefined,
  }),
};

export type KafkaConfig = Environment<typeof kafkaSettings>;
