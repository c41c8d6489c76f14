import { createPrivateKey, X509Certificate } from 'node:crypto';
import { EnvError, makeExactValidator } from 'envalid';

/** `\n` in a variable of one line stands for the end of a line, which PEM never has otherwise. */
const linesOf = (input: string) => input.replaceAll('\\n', '\n').replaceAll('\r\n', '\n');

/** One certificate in PEM or several, in the order given. */
export const certificates = makeExactValidator<string>((input) => {
  const pem = linesOf(input);
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0)
    throw new EnvError('must be certificates in PEM, which begin with -----BEGIN CERTIFICATE-----');
  for (const one of found) if (!isReadable(one)) throw new EnvError('has a certificate that cannot be read');
  return pem;
});

/** A private key in PEM. Whether it can be read is told by {@link keyFault}, which has its passphrase. */
export const privateKey = makeExactValidator<string>((input) => {
  const pem = linesOf(input);
  if (/-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/.test(pem)) return pem;
  throw new EnvError('must be a private key in PEM, which begins with -----BEGIN PRIVATE KEY-----');
});

/**
 * What is wrong with a private key, alone or beside its certificate; undefined when nothing is. Says nothing of what is in it.
 * @param certificate the first of several is the key's own
 */
export function keyFault(
  key: string,
  passphrase: string | undefined,
  certificate: string,
): string | undefined {
  let read: ReturnType<typeof createPrivateKey>;
  try {
    // The empty one is wrong for any encrypted key; without any, Node would ask the terminal.
    read = createPrivateKey({ key, passphrase: passphrase ?? '' });
  } catch {
    if (!key.includes('ENCRYPTED')) return 'cannot be read';
    return passphrase === undefined
      ? 'is encrypted, and its passphrase is missing'
      : 'does not open with its passphrase';
  }
  return new X509Certificate(certificate).checkPrivateKey(read)
    ? undefined
    : 'does not belong to the certificate';
}

function isReadable(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== '';
  } catch {
    return false;
  }
}
