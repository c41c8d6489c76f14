import { KafkaJSConnectionError, KafkaJSNonRetriableError } from 'kafkajs';

export type OauthClient = {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string | undefined;
};

/** Gives a token that is good for a while. */
export type TokenSource = () => Promise<{ readonly value: string }>;

/** Well within the 8.5 s that a call to Kafka may take, the connection to its broker included. */
const ANSWERED_WITHIN_MS = 4000;
/** kafkajs authenticates anew 10 s before a token ends: the next one must be another. */
const RENEW_BEFORE_MS = 60_000;
/** Of a token that does not say how long it is good. */
const UNSAID_MS = 60_000;

/**
 * Tokens for the credentials of a client (OAuth 2.0, `client_credentials`). One is kept until a minute before its end, or half of its life where that is
 * shorter; whoever asks meanwhile gets the same, and only one request is under way.
 * @returns what throws an error that kafkajs tries again while the server is away, or answers 5xx or 429; and one that ends the connecting when it
 * refuses the client. Neither repeats anything of the answer, which may hold a token
 */
export function createTokenSource(client: OauthClient, now: () => number = Date.now): TokenSource {
  let kept: { readonly value: string; readonly until: number } | undefined;
  let asking: Promise<{ readonly value: string }> | undefined;

  async function renew(): Promise<{ readonly value: string }> {
    const { value, lifeMs } = await fetchToken(client);
    kept = { value, until: now() + lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 2) };
    return { value };
  }

  return () => {
    if (kept !== undefined && now() < kept.until) return Promise.resolve({ value: kept.value });
    return (asking ??= renew().finally(() => (asking = undefined)));
  };
}

async function fetchToken({ tokenUrl, clientId, clientSecret, scope }: OauthClient) {
  const answer = await fetch(tokenUrl, {
    method: 'POST',
    headers: {
      accept: 'application/json',
      authorization: `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }),
    // The credentials are for this server alone.
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWERED_WITHIN_MS),
  }).catch((error: unknown) => {
    throw passing(`does not answer (${reasonOf(error)})`);
  });
  const body = await answer.json().catch(() => undefined);
  const { access_token: value, expires_in: seconds, error } = (body ?? {}) as Record<string, unknown>;
  if (answer.status >= 500 || answer.status === 429) throw passing(`answers ${answer.status}`);
  if (!answer.ok) throw refused(`refuses the client: ${answer.status}${nameOf(error)}`);
  if (typeof value !== 'string' || value === '') throw refused('answers without an access_token');
  const lifeMs = Number(seconds) > 0 ? Number(seconds) * 1000 : UNSAID_MS;
  return { value, lifeMs };
}

/** RFC 6749, 2.3.1: each is form-encoded before the two are joined. */
const formEncoded = (text: string) => new URLSearchParams({ '': text }).toString().slice(1);

const SUBJECT = 'the token server of KAFKA_SASL_OAUTH_TOKEN_URL';
const passing = (what: string) => new KafkaJSConnectionError(`${SUBJECT} ${what}`);
const refused = (what: string) => new KafkaJSNonRetriableError(`${SUBJECT} ${what}`);

/** OAuth's codes are words like invalid_client; anything else may be anything. */
const nameOf = (error: unknown) =>
  typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? ` ${error}` : '';

function reasonOf(error: unknown): string {
  const { name, cause } = error as { name: string; cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? name;
}
