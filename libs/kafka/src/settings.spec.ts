import { ConfigurationError, readEnvironment } from '@talaria/config';
import { makeAuthority } from '../../../test/kit/certificates';
import { kafkaSettings } from './settings';

const authority = makeAuthority('test');
const own = authority.issue('talaria-ingestion');
const base = { KAFKA_BROKERS: 'kafka:9093' };
const tls = { ...base, KAFKA_SSL: 'true' };
const oauth = {
  KAFKA_SASL_MECHANISM: 'oauthbearer',
  KAFKA_SASL_OAUTH_TOKEN_URL: 'https://login.example.com/token',
  KAFKA_SASL_OAUTH_CLIENT_ID: 'talaria',
  KAFKA_SASL_OAUTH_CLIENT_SECRET: 'hunter2',
};

function faultsOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  try {
    readEnvironment(kafkaSettings, env);
    return {};
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
}

describe('the settings of Kafka', () => {
  it('take certificates with line ends of any kind, also written as \\n', () => {
    const { certificate } = authority;
    for (const written of [
      certificate,
      certificate.replaceAll('\n', '\r\n'),
      certificate.trim().replaceAll('\n', '\\n'),
      certificate + own.certificate,
    ]) {
      const { KAFKA_SSL_CA = '' } = readEnvironment(kafkaSettings, { ...tls, KAFKA_SSL_CA: written });
      expect(KAFKA_SSL_CA).toContain(certificate.trim());
    }
  });

  it('take an own certificate with its key', () => {
    expect(faultsOf({ ...tls, KAFKA_SSL_CERT: own.certificate, KAFKA_SSL_KEY: own.key })).toEqual({});
    expect(faultsOf({ ...tls, ...oauth, KAFKA_SASL_OAUTH_SCOPE: 'kafka' })).toEqual({});
  });

  it.each<[string, NodeJS.ProcessEnv, Readonly<Record<string, unknown>>]>([
    [
      'a certificate without its key',
      { ...tls, KAFKA_SSL_CERT: own.certificate },
      { KAFKA_SSL_KEY: expect.stringContaining('is missing') },
    ],
    [
      'a key without its certificate',
      { ...tls, KAFKA_SSL_KEY: own.key },
      { KAFKA_SSL_CERT: expect.stringContaining('is missing') },
    ],
    [
      "another certificate's key",
      { ...tls, KAFKA_SSL_CERT: own.certificate, KAFKA_SSL_KEY: authority.key },
      { KAFKA_SSL_KEY: 'does not belong to the certificate' },
    ],
    [
      'what is no PEM',
      { ...tls, KAFKA_SSL_CA: '/etc/ca.pem', KAFKA_SSL_KEY: 'hunter2', KAFKA_SSL_CERT: own.certificate },
      {
        KAFKA_SSL_CA: expect.stringContaining('BEGIN CERTIFICATE'),
        KAFKA_SSL_KEY: expect.stringContaining('BEGIN PRIVATE KEY'),
      },
    ],
    [
      'a certificate that is cut short',
      { ...tls, KAFKA_SSL_CA: own.certificate.replace(/\n.+\n/, '\n') },
      { KAFKA_SSL_CA: 'has a certificate that cannot be read' },
    ],
    [
      'certificates without TLS',
      { ...base, KAFKA_SSL_CA: authority.certificate },
      { KAFKA_SSL: 'must be true: KAFKA_SSL_CA is set, which is for TLS' },
    ],
    [
      'a passphrase without a key',
      { ...tls, KAFKA_SSL_KEY_PASSPHRASE: 'hunter2' },
      { KAFKA_SSL_KEY_PASSPHRASE: 'opens KAFKA_SSL_KEY, which is not set' },
    ],
    [
      'a user without password and mechanism',
      { ...tls, KAFKA_SASL_USERNAME: 'talaria' },
      { KAFKA_SASL_MECHANISM: expect.stringContaining('is missing') },
    ],
    [
      'scram without a password',
      { ...tls, KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SASL_USERNAME: 'talaria' },
      { KAFKA_SASL_PASSWORD: expect.stringContaining('is missing') },
    ],
    [
      'oauthbearer without its server and client',
      { ...tls, KAFKA_SASL_MECHANISM: 'oauthbearer' },
      {
        KAFKA_SASL_OAUTH_TOKEN_URL: expect.stringContaining('is missing'),
        KAFKA_SASL_OAUTH_CLIENT_ID: expect.stringContaining('is missing'),
        KAFKA_SASL_OAUTH_CLIENT_SECRET: expect.stringContaining('is missing'),
      },
    ],
    [
      'oauthbearer with a password',
      { ...tls, ...oauth, KAFKA_SASL_PASSWORD: 'hunter2' },
      { KAFKA_SASL_PASSWORD: expect.stringContaining('is not for oauthbearer') },
    ],
    [
      'the credentials of a client with scram',
      {
        ...tls,
        KAFKA_SASL_MECHANISM: 'scram-sha-512',
        KAFKA_SASL_USERNAME: 'talaria',
        KAFKA_SASL_PASSWORD: 'hunter2',
        KAFKA_SASL_OAUTH_CLIENT_ID: 'talaria',
      },
      { KAFKA_SASL_OAUTH_CLIENT_ID: expect.stringContaining('oauthbearer only') },
    ],
  ])('refuse %s', (_, env, faults) => {
    expect(faultsOf(env)).toEqual(faults);
    expect(JSON.stringify(faultsOf(env))).not.toContain('hunter2');
  });
});
