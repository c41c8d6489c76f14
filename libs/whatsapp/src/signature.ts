import { createHmac, timingSafeEqual } from 'node:crypto';

/** The header that Meta signs its webhooks in, as Node names it. */
export const signatureHeader = 'x-hub-signature-256';

const FORM = /^sha256=([0-9a-f]{64})$/;

/** The value of `X-Hub-Signature-256` for these bytes. */
export function sign(body: Buffer, appSecret: string): string {
  return `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
}

/** Whether a header has the form of a signature at all: what has not need not be read on. */
export function isSignatureForm(header: unknown): boolean {
  return typeof header === 'string' && FORM.test(header);
}

/**
 * Whether Meta signed exactly these bytes with one of the secrets (two are live while one is being rotated). Takes the same
 * time whatever is wrong. The signature holds no time: a captured body verifies again, deduplication is the defence.
 * @param header the value of `X-Hub-Signature-256`; anything but one well-formed value is false
 */
export function isSigned(body: Buffer, header: unknown, appSecrets: readonly string[]): boolean {
  const [, hex] = typeof header === 'string' ? (FORM.exec(header) ?? []) : [];
  if (hex === undefined) return false;
  const given = Buffer.from(hex, 'hex');
  let signed = false;
  for (const secret of appSecrets) {
    const expected = createHmac('sha256', secret).update(body).digest();
    signed = timingSafeEqual(given, expected) || signed;
  }
  return signed;
}
