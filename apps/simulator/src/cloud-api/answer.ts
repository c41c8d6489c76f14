import { randomBytes } from 'node:crypto';
import { catalogued } from './error-catalogue';

/** What goes back over HTTP. */
export type Answer = {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly retryAfterSeconds?: number;
};

/** Why a call is refused, in Meta's words. */
export type Refusal = {
  readonly code: number;
  readonly details: string;
  /** Instead of the code's own HTTP status. */
  readonly status?: number;
  readonly subcode?: number;
  readonly isTransient?: boolean;
  readonly retryAfterSeconds?: number;
};

const JSON_TYPE = 'application/json; charset=UTF-8';

export function jsonAnswer(value: unknown, status = 200): Answer {
  return { status, body: JSON.stringify(value), contentType: JSON_TYPE };
}

/** Meta's error body with the HTTP status that belongs to its code. */
export function refusalAnswer(refusal: Refusal): Answer {
  const { code, details, subcode, isTransient, retryAfterSeconds } = refusal;
  const { status, title } = catalogued(code);
  const error = {
    message: `(#${code}) ${title}`,
    type: 'OAuthException',
    code,
    ...(subcode !== undefined && { error_subcode: subcode }),
    ...(isTransient !== undefined && { is_transient: isTransient }),
    error_data: { messaging_product: 'whatsapp', details },
    fbtrace_id: `A${randomBytes(16).toString('base64url')}`,
  };
  return {
    ...jsonAnswer({ error }, refusal.status ?? status),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
}
