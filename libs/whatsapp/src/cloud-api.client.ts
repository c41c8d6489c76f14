import { Pool } from 'undici';
import { call } from './call';
import { classifyError } from './error-catalogue';

/** What one send call led to. Only `accepted` and `refused` are Meta's own word. */
export type SendResult =
  | {
      readonly kind: 'accepted';
      readonly wamid: string;
      readonly waId?: string;
    }
  | {
      readonly kind: 'refused';
      readonly httpStatus: number;
      readonly error: GraphError;
      readonly retryAfterMs?: number;
    }
  /** The request never left this machine: certainly not sent. */
  | { readonly kind: 'not-sent'; readonly reason: string }
  /** The request may have been taken: look before sending again. */
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * `well`: Meta knows the number, and the token opens it. `refused`: Meta is there, and says that something is wrong. `away`: no answer, or none of the
 * Cloud API, or one that says that it is out of order.
 */
export type ProbeResult = 'well' | 'refused' | 'away';

/** What Meta tells of a number. Fields that it leaves out are undefined. */
export type NumberAtMeta = {
  readonly displayPhoneNumber?: string;
  readonly verifiedName?: string;
  /** GREEN, YELLOW, RED, UNKNOWN. */
  readonly qualityRating?: string;
  /** CONNECTED, and what keeps it from being that. */
  readonly status?: string;
  /** STANDARD, HIGH. */
  readonly throughput?: string;
};

export type LookUpResult =
  | { readonly kind: 'found'; readonly number: NumberAtMeta }
  | { readonly kind: 'refused'; readonly httpStatus: number; readonly error: GraphError }
  | { readonly kind: 'away'; readonly reason: string };

/** Meta's error object, as far as we read it. */
export type GraphError = {
  readonly code: number;
  readonly title: string;
  readonly fbtraceId?: string;
  readonly isTransient?: boolean;
};

export type CloudApiClient = {
  /** Sends one message. Never throws for anything that the network or Meta does. */
  send(
    phoneNumberId: string,
    accessToken: string,
    body: Readonly<Record<string, unknown>>,
  ): Promise<SendResult>;
  /** Asks for the number itself, which sends nothing. Never throws either. */
  probe(phoneNumberId: string, accessToken: string): Promise<ProbeResult>;
  /** Asks what Meta knows of the number: for people. Sends nothing, and never throws. */
  lookUp(phoneNumberId: string, accessToken: string): Promise<LookUpResult>;
  /** Ends the calls under way: nobody will know what came of them. */
  close(): Promise<void>;
};

/** Causes which undici or the system report before a byte of the request was written. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Longer than Meta ever asks to wait, in good faith. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/** An answer longer than this is not Meta's. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * @param baseUrl without a slash at its end, e.g. https://graph.facebook.com
 * @param timeoutMs how long one call may take in all; after it the outcome is unknown
 */
export function createCloudApiClient(options: {
  readonly baseUrl: string;
  readonly version: string;
  readonly timeoutMs: number;
  readonly connections: number;
}): CloudApiClient {
  const { baseUrl, version, timeoutMs, connections } = options;
  const { origin, pathname } = new URL(baseUrl);
  const root = `${pathname === '/' ? '' : pathname}/${version}`;
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    maxResponseSize: MAX_ANSWER_BYTES,
    // Well before the whole call's timeout, so that "no connection" is told apart from "no answer".
    connect: { timeout: Math.min(timeoutMs / 2, 10_000) },
    keepAliveTimeout: 30_000,
  });
  return {
    async send(phoneNumberId, accessToken, body) {
      try {
        const request = {
          method: 'POST',
          path: `${root}/${encodeURIComponent(phoneNumberId)}/messages`,
          headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        } as const;
        const { statusCode, headers, text } = await call(pool, request, timeoutMs);
        return readAnswer(statusCode, headers, text);
      } catch (error) {
        return failure(error);
      }
    },
    async probe(phoneNumberId, accessToken) {
      try {
        const request = {
          method: 'GET',
          path: `${root}/${encodeURIComponent(phoneNumberId)}?fields=id`,
          headers: { authorization: `Bearer ${accessToken}` },
        } as const;
        const { statusCode, text } = await call(pool, request, timeoutMs);
        return readProbe(statusCode, text);
      } catch {
        return 'away';
      }
    },
    async lookUp(phoneNumberId, accessToken) {
      try {
        const request = {
          method: 'GET',
          path: `${root}/${encodeURIComponent(phoneNumberId)}?fields=${LOOKED_UP}`,
          headers: { authorization: `Bearer ${accessToken}` },
        } as const;
        const { statusCode, text } = await call(pool, request, timeoutMs);
        return readLookUp(statusCode, text);
      } catch (error) {
        return { kind: 'away', reason: reasonOf(error) };
      }
    },
    close: () => pool.destroy(),
  };
}

function reasonOf(error: unknown): string {
  // A DOMException (the timeout) has a number for its code.
  const { code, name = 'unknown fault' } = error as { code?: unknown; name?: string };
  return typeof code === 'string' ? code : name;
}

function failure(error: unknown): SendResult {
  const reason = reasonOf(error);
  return NOT_SENT.has(reason) ? { kind: 'not-sent', reason } : { kind: 'unknown', reason };
}

/** An id: visible ASCII. */
const VISIBLE = /^[!-~]{1,512}$/;

/** What an HTTP answer says. Anything that is neither Meta's success nor Meta's error leaves the truth unknown. */
export function readAnswer(
  httpStatus: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  text: string,
): SendResult {
  const answer = parseObject(text);
  const error = parseObject(answer.error);
  if (typeof error.code === 'number' && Number.isInteger(error.code)) {
    const retryAfterMs = retryAfter(headers);
    return {
      kind: 'refused',
      httpStatus,
      error: readError(error, error.code),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }
  const wamid = first(answer.messages).id;
  if (httpStatus === 200 && typeof wamid === 'string' && VISIBLE.test(wamid)) {
    const waId = first(answer.contacts).wa_id;
    return {
      kind: 'accepted',
      wamid,
      ...(typeof waId === 'string' && VISIBLE.test(waId) && { waId }),
    };
  }
  return { kind: 'unknown', reason: `HTTP ${httpStatus} without an answer of the Cloud API` };
}

export function readProbe(httpStatus: number, text: string): ProbeResult {
  const answer = parseObject(text);
  const { code, is_transient: isTransient } = parseObject(answer.error);
  if (typeof code === 'number')
    return classifyError(code, httpStatus, isTransient === true) === 'transient' ? 'away' : 'refused';
  return httpStatus === 200 && typeof answer.id === 'string' ? 'well' : 'away';
}

const LOOKED_UP = 'id,display_phone_number,verified_name,quality_rating,status,throughput';

export function readLookUp(httpStatus: number, text: string): LookUpResult {
  const answer = parseObject(text);
  const error = parseObject(answer.error);
  if (typeof error.code === 'number') {
    const { code, is_transient: isTransient } = error;
    return classifyError(error.code, httpStatus, isTransient === true) === 'transient'
      ? { kind: 'away', reason: `Meta answered ${code}` }
      : { kind: 'refused', httpStatus, error: readError(error, error.code) };
  }
  if (httpStatus !== 200 || typeof answer.id !== 'string')
    return { kind: 'away', reason: `HTTP ${httpStatus} without an answer of the Cloud API` };
  const field = (name: keyof NumberAtMeta, value: unknown) =>
    typeof value === 'string' ? { [name]: storable(value.slice(0, 200)) } : {};
  return {
    kind: 'found',
    number: {
      ...field('displayPhoneNumber', answer.display_phone_number),
      ...field('verifiedName', answer.verified_name),
      ...field('qualityRating', answer.quality_rating),
      ...field('status', answer.status),
      ...field('throughput', parseObject(answer.throughput).level),
    },
  };
}

function readError(error: Readonly<Record<string, unknown>>, code: number): GraphError {
  const { fbtrace_id: fbtraceId, is_transient: isTransient, message } = error;
  return {
    code,
    title: typeof message === 'string' ? storable(message.slice(0, 200)) : '',
    ...(typeof fbtraceId === 'string' && VISIBLE.test(fbtraceId) && { fbtraceId }),
    ...(typeof isTransient === 'boolean' && { isTransient }),
  };
}

/** Without what Postgres refuses in a text: the null character and halves of surrogate pairs. */
function storable(text: string): string {
  return Buffer.from(text).toString('utf8').replaceAll('\0', '');
}

/** `Retry-After` in seconds, or Meta's `estimated_time_to_regain_access` in minutes. */
function retryAfter(headers: Readonly<Record<string, string | string[] | undefined>>): number | undefined {
  const seconds = Number(headers['retry-after'] ?? NaN);
  if (Number.isFinite(seconds) && seconds >= 0) return Math.min(seconds * 1000, MAX_RETRY_AFTER_MS);
  const usage = parseObject(headers['x-business-use-case-usage']);
  const minutes = Object.values(usage)
    .flatMap((rows) => (Array.isArray(rows) ? (rows as unknown[]) : []))
    .map((one) => Number(parseObject(one).estimated_time_to_regain_access))
    .filter((value) => value > 0);
  return minutes.length === 0 ? undefined : Math.min(Math.max(...minutes) * 60_000, MAX_RETRY_AFTER_MS);
}

function first(value: unknown): Readonly<Record<string, unknown>> {
  return Array.isArray(value) ? parseObject(value[0]) : {};
}

/** An object, or the object that a text holds; empty for anything else. */
function parseObject(value: unknown): Readonly<Record<string, unknown>> {
  try {
    const object: unknown = typeof value === 'string' ? JSON.parse(value) : value;
    return typeof object === 'object' && object !== null ? (object as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
