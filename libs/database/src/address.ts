import { ConfigurationError } from '@talaria/config';
import { type DatabaseConfig } from './settings';

/** As `tls.connect` has them: without anything, the certificate must be for the host, and signed by one that Node trusts. */
type Tls = {
  readonly ca?: string;
  readonly rejectUnauthorized?: false;
  readonly checkServerIdentity?: () => undefined;
};

/** Where the database is, and how to know that it is the one. */
export type DatabaseAddress = Pick<DatabaseConfig, 'DATABASE_URL'> & {
  readonly DATABASE_SSL_CA?: string | undefined;
};

/**
 * What pg is to connect by. It takes `sslmode` otherwise than libpq does, and means to change that: so it is not shown any, and is told what we mean by it,
 * which is what libpq does; but never a try without TLS.
 * @throws {ConfigurationError} when mode and certificates do not go together
 */
export function connectionOf({ DATABASE_URL, DATABASE_SSL_CA: ca }: DatabaseAddress): {
  readonly connectionString: string;
  readonly ssl: false | Tls;
} {
  const url = new URL(DATABASE_URL);
  const mode = url.searchParams.get('sslmode') ?? 'disable';
  url.searchParams.delete('sslmode');
  if (ca !== undefined && mode === 'disable')
    throw new ConfigurationError({
      DATABASE_URL: 'needs sslmode=verify-full for DATABASE_SSL_CA: as it is, nothing is encrypted',
    });
  if (ca === undefined && mode === 'verify-ca')
    throw new ConfigurationError({
      DATABASE_SSL_CA: 'is missing: sslmode=verify-ca trusts whom these certificates have signed',
    });
  return { connectionString: url.href, ssl: tlsOf(mode, ca) };
}

function tlsOf(mode: string, ca: string | undefined): false | Tls {
  switch (mode) {
    case 'disable':
      return false;
    case 'verify-full':
      return ca === undefined ? {} : { ca };
    default:
      return ca === undefined ? { rejectUnauthorized: false } : { ca, checkServerIdentity: () => undefined };
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another host: name it in DATABASE_URL as the certificate does',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: "its certificate is not valid yet: look at this machine's clock",
};

/** Why the database was not trusted, or could not be encrypted with, and what to do; undefined for any other error. */
export function tlsFault(error: unknown): string | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (code === undefined && message === 'The server does not support SSL connections')
    return 'it does not take TLS: switch ssl on in its postgresql.conf, or take sslmode out of DATABASE_URL';
  if (typeof code !== 'string' || !isTlsCode(code)) return undefined;
  return REASONS[code] ?? `its certificate is not signed by DATABASE_SSL_CA (${code})`;
}

/** As Node and OpenSSL name them. */
export function isTlsCode(code: string): boolean {
  return /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|HOSTNAME_MISMATCH)/.test(
    code,
  );
}
