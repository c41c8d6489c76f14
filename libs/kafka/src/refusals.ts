import { faultOf } from './write-faults';

/** Kafka is there, and does not let us in, or not do this: it will not until somebody changes something. The message says what. */
export class RefusedError extends Error {
  override readonly name = 'KafkaRefusedError';
}

const RIGHTS = 'give this Kafka user the rights that it needs: talaria topics acls lists them';

/** What brokers, kafkajs and TLS say, and what to do. */
const advices: readonly (readonly [RegExp, string])[] = [
  [
    /TOPIC_AUTHORIZATION_FAILED|Not authorized to access topics/,
    `Kafka does not let this user use a topic: ${RIGHTS}`,
  ],
  [
    /GROUP_AUTHORIZATION_FAILED|Not authorized to access group/,
    `Kafka does not let this user into a consumer group: ${RIGHTS}`,
  ],
  [
    /CLUSTER_AUTHORIZATION_FAILED|Cluster authorization failed/,
    `Kafka does not let this user change the cluster, and no program of Talaria asks for that: ${RIGHTS}`,
  ],
  [
    /SASL .+ is not supported by the server|UNSUPPORTED_SASL_MECHANISM/,
    'this listener of Kafka does not take KAFKA_SASL_MECHANISM: correct it, or the port in KAFKA_BROKERS',
  ],
  [
    /ILLEGAL_SASL_STATE|not valid given the current SASL state/,
    'this listener of Kafka wants another way of saying who one is: correct KAFKA_SASL_MECHANISM, or the port in KAFKA_BROKERS',
  ],
  [/the token server of/, 'correct KAFKA_SASL_OAUTH_TOKEN_URL, _CLIENT_ID, _CLIENT_SECRET or _SCOPE'],
  [
    /SASL/,
    'Kafka refuses this user: correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD or KAFKA_SASL_OAUTH_*, and start this process again when they were changed',
  ],
  [
    /self[- ]signed certificate|unable to (verify the first|get (local )?issuer) certificate/,
    "the broker's certificate is not signed by an authority that we know: set KAFKA_SSL_CA to the certificate of the one that signs it",
  ],
  [
    /does not match certificate's altnames|ERR_TLS_CERT_ALTNAME_INVALID/,
    "the broker's certificate is for other names: use one of these in KAFKA_BROKERS and advertised.listeners, or have it made anew",
  ],
  [/certificate has expired|CERT_HAS_EXPIRED/, "the broker's certificate has expired: have it made anew"],
  [
    /alert (bad certificate|certificate|unknown ca|handshake failure)|certificate required/,
    'the broker does not take our certificate: set KAFKA_SSL_CERT and KAFKA_SSL_KEY to one that its ssl.truststore knows',
  ],
  [
    /wrong version number|packet length too long/,
    'this listener of Kafka does not speak TLS: set KAFKA_SSL=false, or correct the port in KAFKA_BROKERS',
  ],
];

/** What to do about a refusal, from its words; undefined when it is none that a person has to end. */
export function adviceOn(words: string | undefined): string | undefined {
  if (words === undefined) return undefined;
  return advices.find(([said]) => said.test(words))?.[1];
}

/**
 * The error with what to do about it, if it is a refusal; else itself.
 * @param about what was asked for
 */
export function explained(error: unknown, about = ''): unknown {
  if (error instanceof RefusedError) return error;
  const advice = adviceOn(wordsOf(error));
  return advice === undefined
    ? error
    : new RefusedError(`${advice} (${faultOf(error)}${about && `: ${about}`})`, { cause: error });
}

/** Its own, and those of what caused it. */
function wordsOf(error: unknown): string {
  const words: unknown[] = [];
  for (let one = error; one instanceof Error && words.length < 20; one = one.cause) {
    const { type, code } = one as { type?: unknown; code?: unknown };
    words.push(one.name, type, code, one.message);
  }
  return words.join(' ');
}
