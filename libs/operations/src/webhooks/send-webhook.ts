import { isSigned, sign, signatureHeader } from '@talaria/whatsapp';
import { request } from 'undici';
import { UnreachableError } from '../errors';

export type WebhookAnswer = {
  readonly status: number;
  readonly body: string;
  /** Until the whole answer was there. */
  readonly ms: number;
};

const ANSWER_WITHIN_MS = 30_000;
const SHOWN_CHARACTERS = 2000;

/**
 * Posts a webhook as Meta does: these bytes, and a signature over them.
 * @throws {UnreachableError} when no answer comes within 30 s
 */
export async function sendWebhook(url: string, body: Buffer, appSecret: string): Promise<WebhookAnswer> {
  const begunAt = performance.now();
  try {
    const { statusCode, body: answer } = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [signatureHeader]: sign(body, appSecret) },
      body,
      headersTimeout: ANSWER_WITHIN_MS,
      bodyTimeout: ANSWER_WITHIN_MS,
    });
    const text = await answer.text();
    const ms = Math.round(performance.now() - begunAt);
    return { status: statusCode, body: text.slice(0, SHOWN_CHARACTERS), ms };
  } catch (cause) {
    const { code = 'no answer' } = cause as { code?: string };
    throw new UnreachableError(
      `Ingestion does not answer at ${url} (${code}): check that it runs, and --url`,
      {
        cause,
      },
    );
  }
}

/** Which of the secrets has signed exactly these bytes, counted from 1; undefined: none. */
export function signedBy(body: Buffer, signature: string, secrets: readonly string[]): number | undefined {
  const index = secrets.findIndex((secret) => isSigned(body, signature, [secret]));
  return index < 0 ? undefined : index + 1;
}
