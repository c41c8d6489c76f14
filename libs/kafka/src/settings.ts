import {
  addresses,
  among,
  certificates,
  duration,
  type Environment,
  httpUrl,
  keyFault,
  oneOf,
  pattern,
  privateKey,
  text,
  type Values,
} from '@talaria/config';

const MATERIAL = ['KAFKA_SSL_CA', 'KAFKA_SSL_CERT', 'KAFKA_SSL_KEY', 'KAFKA_SSL_KEY_PASSPHRASE'];
const OF_A_USER = ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'];
const OF_OAUTH = [
  'KAFKA_SASL_OAUTH_TOKEN_URL',
  'KAFKA_SASL_OAUTH_CLIENT_ID',
  'KAFKA_SASL_OAUTH_CLIENT_SECRET',
  'KAFKA_SASL_OAUTH_SCOPE',
];

const setOf = (all: Values, variables: readonly string[]) =>
  variables.filter((one) => all[one] !== undefined);
const isOauth = ({ KAFKA_SASL_MECHANISM: mechanism }: Values) => mechanism === 'oauthbearer';
const hasUser = ({ KAFKA_SASL_MECHANISM: mechanism }: Values) =>
  mechanism !== undefined && mechanism !== 'oauthbearer';

/** A variable that only the mechanisms with user and password have. */
const ofUser = (variable: string, desc: string) =>
  among(text({ default: undefined, desc, requiredWhen: hasUser }), (all) =>
    isOauth(all) && all[variable] !== undefined
      ? 'is not for oauthbearer, which takes KAFKA_SASL_OAUTH_*: leave it out, or change KAFKA_SASL_MECHANISM'
      : undefined,
  );

/** A variable that only OAUTHBEARER has. */
const ofOauth = <S extends object>(variable: string, spec: S) =>
  among(spec, (all) =>
    hasUser(all) && all[variable] !== undefined
      ? 'is for KAFKA_SASL_MECHANISM=oauthbearer only: leave it out, or change the mechanism'
      : undefined,
  );

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
  KAFKA_SSL: among(
    oneOf('true', 'false')({ default: 'false', desc: 'true for TLS to the brokers' }),
    (all) => {
      const [material] = setOf(all, MATERIAL);
      return all.KAFKA_SSL === 'false' && material !== undefined
        ? `must be true: ${material} is set, which is for TLS`
        : undefined;
    },
  ),
  KAFKA_SSL_CA: certificates({
    default: undefined,
    desc: "the certificates, in PEM, of the authorities that sign the brokers'; without it those that Node.js knows",
  }),
  KAFKA_SSL_CERT: certificates({
    default: undefined,
    desc: "this process's own certificate for mTLS, in PEM, followed by those between it and its authority",
    requiredWhen: ({ KAFKA_SSL_KEY }: Values) => KAFKA_SSL_KEY !== undefined,
  }),
  KAFKA_SSL_KEY: among(
    privateKey({
      default: undefined,
      desc: 'the private key of KAFKA_SSL_CERT, in PEM',
      requiredWhen: ({ KAFKA_SSL_CERT }: Values) => KAFKA_SSL_CERT !== undefined,
    }),
    ({ KAFKA_SSL_KEY: key, KAFKA_SSL_KEY_PASSPHRASE: passphrase, KAFKA_SSL_CERT: cert }) =>
      typeof key === 'string' && typeof cert === 'string'
        ? keyFault(key, passphrase as string | undefined, cert)
        : undefined,
  ),
  KAFKA_SSL_KEY_PASSPHRASE: among(
    text({ default: undefined, desc: 'opens KAFKA_SSL_KEY where that is encrypted' }),
    (all) =>
      all.KAFKA_SSL_KEY_PASSPHRASE !== undefined && all.KAFKA_SSL_KEY === undefined
        ? 'opens KAFKA_SSL_KEY, which is not set'
        : undefined,
  ),
  KAFKA_SASL_MECHANISM: oneOf(
    'plain',
    'scram-sha-256',
    'scram-sha-512',
    'oauthbearer',
  )({
    default: undefined,
    desc: 'plain, scram-sha-256, scram-sha-512 or oauthbearer',
    requiredWhen: (all: Values) => setOf(all, [...OF_A_USER, ...OF_OAUTH]).length > 0,
  }),
  KAFKA_SASL_USERNAME: ofUser('KAFKA_SASL_USERNAME', 'the user for plain and scram'),
  KAFKA_SASL_PASSWORD: ofUser('KAFKA_SASL_PASSWORD', 'the password for plain and scram'),
  KAFKA_SASL_OAUTH_TOKEN_URL: ofOauth(
    'KAFKA_SASL_OAUTH_TOKEN_URL',
    httpUrl({
      default: undefined,
      desc: 'for oauthbearer: where tokens are given for the credentials of a client (OAuth 2.0, client_credentials)',
      requiredWhen: isOauth,
    }),
  ),
  KAFKA_SASL_OAUTH_CLIENT_ID: ofOauth(
    'KAFKA_SASL_OAUTH_CLIENT_ID',
    text({ default: undefined, desc: 'for oauthbearer: the client', requiredWhen: isOauth }),
  ),
  KAFKA_SASL_OAUTH_CLIENT_SECRET: ofOauth(
    'KAFKA_SASL_OAUTH_CLIENT_SECRET',
    text({ default: undefined, desc: 'for oauthbearer: its secret', requiredWhen: isOauth }),
  ),
  KAFKA_SASL_OAUTH_SCOPE: ofOauth(
    'KAFKA_SASL_OAUTH_SCOPE',
    text({ default: undefined, desc: 'for oauthbearer: the scope to ask for, if any' }),
  ),
};

export type KafkaConfig = Environment<typeof kafkaSettings>;
