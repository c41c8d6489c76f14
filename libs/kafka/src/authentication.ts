import {
  type AuthenticationProviderArgs,
  type Authenticator,
  type KafkaConfig as KafkaOptions,
  type Mechanism,
} from 'kafkajs';
import oauthBearer from 'kafkajs/src/broker/saslAuthenticator/oauthBearer';
import plain from 'kafkajs/src/broker/saslAuthenticator/plain';
import scram256 from 'kafkajs/src/broker/saslAuthenticator/scram256';
import scram512 from 'kafkajs/src/broker/saslAuthenticator/scram512';
import { createTokenSource, type TokenSource } from './oauth-token';
import { type KafkaConfig } from './settings';

/** How every connection of ours is encrypted and tells who it is. */
export function authenticationOf(config: KafkaConfig): Pick<KafkaOptions, 'ssl' | 'sasl'> {
  const sasl = saslOf(config);
  return { ssl: tlsOf(config), ...(sasl && { sasl }) };
}

function tlsOf(config: KafkaConfig): NonNullable<KafkaOptions['ssl']> {
  if (config.KAFKA_SSL !== 'true') return false;
  const {
    KAFKA_SSL_CA: ca,
    KAFKA_SSL_CERT: cert,
    KAFKA_SSL_KEY: key,
    KAFKA_SSL_KEY_PASSPHRASE: passphrase,
  } = config;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
  };
}

type Provider = (args: AuthenticationProviderArgs) => Authenticator;

function saslOf(config: KafkaConfig): Mechanism | undefined {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = config;
  if (mechanism === undefined) return undefined;
  return { mechanism, authenticationProvider: honest(providerOf()) };

  function providerOf(): Provider {
    if (mechanism === 'oauthbearer') return oauthBearer({ oauthBearerProvider: tokensOf(config) });
    const ofMechanism = { plain, 'scram-sha-256': scram256, 'scram-sha-512': scram512 }[mechanism as 'plain'];
    return ofMechanism({ username: username ?? '', password: password ?? '' });
  }
}

/** One for each configuration: its clients come and go, and share the token. */
const tokenSources = new WeakMap<KafkaConfig, TokenSource>();

function tokensOf(config: KafkaConfig): TokenSource {
  const known = tokenSources.get(config);
  if (known !== undefined) return known;
  const {
    KAFKA_SASL_OAUTH_TOKEN_URL: tokenUrl = '',
    KAFKA_SASL_OAUTH_CLIENT_ID: clientId = '',
    KAFKA_SASL_OAUTH_CLIENT_SECRET: clientSecret = '',
    KAFKA_SASL_OAUTH_SCOPE: scope,
  } = config;
  const made = createTokenSource({ tokenUrl, clientId, clientSecret, scope });
  tokenSources.set(config, made);
  return made;
}

/**
 * kafkajs calls whatever goes wrong while it authenticates a refusal, after which a consumer ends for good: also a broker that is stopped at that moment.
 * What passes stays what it is, so that it is tried again.
 */
function honest(provider: Provider): Provider {
  return (args) => {
    let failure: unknown;
    const saslAuthenticate: typeof args.saslAuthenticate = async (step) => {
      try {
        return await args.saslAuthenticate(step);
      } catch (error) {
        failure = error;
        throw error;
      }
    };
    const authenticator = provider({ ...args, saslAuthenticate });
    return {
      async authenticate() {
        try {
          await authenticator.authenticate();
        } catch (error) {
          throw (failure as { retriable?: boolean } | undefined)?.retriable === true ? failure : error;
        }
      },
    };
  };
}
