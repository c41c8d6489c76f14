import { type SendMessage, topics } from '@talaria/contracts';
import { createVerifiedProducer, type KafkaConfig, type VerifiedProducer } from '@talaria/kafka';
import { CONVERSATION, inSpan, type Logger, sendAttributes, traceHeaders } from '@talaria/observability';
import { SpanKind } from '@opentelemetry/api';
import { encodeCommand } from './encode-command';
import { NoFateError, NotPublishedError } from './errors';
import { FateBook } from './fate-book';
import { publishAndAwait } from './publish-and-await';
import { type FateReader, readFates } from './read-fates';
import { type ClientLogger, type Talaria } from './talaria';

export type ClientOptions = {
  /** Like `kafka-1:9092`. */
  readonly brokers: readonly string[];
  /** The installation's KAFKA_PREFIX. */
  readonly prefix?: string;
  /** True where the brokers' certificates are signed by an authority that Node.js knows. */
  readonly ssl?: boolean | ClientTls;
  readonly sasl?: ClientSasl;
  /** False for a product that never waits for a fate: nothing is read, and no right to read is needed. Default: true. */
  readonly fates?: boolean;
  /** Default: nobody hears of trouble that passes. */
  readonly logger?: ClientLogger;
};

/** All in PEM. */
export type ClientTls = {
  /** The authorities that sign the brokers' certificates. */
  readonly ca?: string | undefined;
  /** For mTLS: the client's own certificate, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly passphrase?: string | undefined;
};

export type ClientSasl =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'oauthbearer';
      /** Gives tokens for the client's credentials (OAuth 2.0, client_credentials). */
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string | undefined;
    };

const PUBLISH_MS = 30_000;
const silent: ClientLogger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Connects to Talaria's Kafka. One client serves a whole process; close it at its end.
 * @throws when no broker answers, or a topic is not there
 */
export async function connectTalaria(options: ClientOptions): Promise<Talaria> {
  const config = configOf(options);
  // Of all that a logger of ours can, Kafka's part needs these three.
  const logger = (options.logger ?? silent) as Logger;
  const { name } = topics.outbound;
  const producer = await createVerifiedProducer({
    config,
    clientId: 'talaria-client',
    topics: [name],
    logger,
  });
  const book = new FateBook();
  const reader = await startReading(options, config, logger, book).catch(async (error: unknown) => {
    await producer.close();
    throw error;
  });
  const publish: Talaria['publish'] = (commands, { timeoutMs = PUBLISH_MS } = {}) =>
    send(producer, [commands].flat(), timeoutMs);
  return {
    publish,
    async awaitFate(command, { timeoutMs }) {
      if (reader === undefined) throw new NoFateError(command, 'the client was connected without fates');
      return book.fateOf(command, timeoutMs);
    },
    async publishAndAwait(command, wait) {
      if (reader === undefined) throw new NoFateError(command, 'the client was connected without fates');
      return publishAndAwait(publish, book, command, wait);
    },
    async close() {
      await Promise.all([producer.close(), reader?.close()]);
      book.close('the client was closed');
    },
  };
}

async function startReading(
  { fates = true }: ClientOptions,
  config: KafkaConfig,
  logger: Logger,
  book: FateBook,
): Promise<FateReader | undefined> {
  if (!fates) return undefined;
  return readFates(
    { config, logger },
    (fate) => book.tell(fate),
    ({ message }) => book.close(`reading has ended (${message}): connect again`),
  );
}

async function send(
  producer: VerifiedProducer,
  commands: readonly SendMessage[],
  timeoutMs: number,
): Promise<void> {
  const { name: topic } = topics.outbound;
  const encoded = commands.map((command) => ({ command, value: encodeCommand(command) }));
  const results = await Promise.allSettled(
    encoded.map(({ command: { id, wabaId: key }, value }) => {
      const attributes = { ...sendAttributes(topic), [CONVERSATION]: id };
      // What Talaria does for the command goes on in this trace, which begins here where the product has none.
      return inSpan(`send ${topic}`, { kind: SpanKind.PRODUCER, attributes }, () =>
        producer.send({ topic, key, value, headers: traceHeaders() }, { timeoutMs }),
      );
    }),
  );
  const failed = commands.filter((_, index) => results[index]?.status === 'rejected');
  const first = results.find((result) => result.status === 'rejected');
  if (first === undefined) return;
  throw new NotPublishedError(
    failed.map(({ id }) => id),
    { cause: first.reason },
  );
}

/** As our processes have it from their environment, but for what tells production from development there, which Kafka's part asks nobody. */
function configOf({ brokers, prefix = '', ssl = false, sasl }: ClientOptions): KafkaConfig {
  const tls = typeof ssl === 'object' ? ssl : {};
  const config: Partial<KafkaConfig> = {
    KAFKA_BROKERS: [...brokers],
    KAFKA_PREFIX: prefix,
    KAFKA_SESSION_TIMEOUT: 30_000,
    KAFKA_SSL: ssl === false ? 'false' : 'true',
    KAFKA_SSL_CA: tls.ca,
    KAFKA_SSL_CERT: tls.cert,
    KAFKA_SSL_KEY: tls.key,
    KAFKA_SSL_KEY_PASSPHRASE: tls.passphrase,
    ...saslOf(sasl),
  };
  return config as KafkaConfig;
}

function saslOf(sasl: ClientSasl | undefined): Partial<KafkaConfig> {
  if (sasl?.mechanism === 'oauthbearer')
    return {
      KAFKA_SASL_MECHANISM: sasl.mechanism,
      KAFKA_SASL_OAUTH_TOKEN_URL: sasl.tokenUrl,
      KAFKA_SASL_OAUTH_CLIENT_ID: sasl.clientId,
      KAFKA_SASL_OAUTH_CLIENT_SECRET: sasl.clientSecret,
      KAFKA_SASL_OAUTH_SCOPE: sasl.scope,
    };
  return {
    KAFKA_SASL_MECHANISM: sasl?.mechanism,
    KAFKA_SASL_USERNAME: sasl?.username,
    KAFKA_SASL_PASSWORD: sasl?.password,
  };
}
