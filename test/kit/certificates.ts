import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In PEM. */
export type Certificate = { readonly certificate: string; readonly key: string };

/** Signs certificates for 127.0.0.1, and for clients, with openssl. */
export type Authority = Certificate & { issue(commonName: string): Certificate };

export function makeAuthority(commonName: string): Authority {
  const inFolder = <T>(work: (path: (name: string) => string) => T): T => {
    const folder = mkdtempSync(join(tmpdir(), 'talaria-pki-'));
    try {
      return work((name) => join(folder, name));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const own = inFolder((path) => {
    const out = ['-keyout', path('key'), '-out', path('certificate'), '-days', '2'];
    openssl('req', '-x509', ...newKey, '-subj', `/CN=${commonName}`, ...out);
    return { certificate: readFileSync(path('certificate'), 'utf8'), key: readFileSync(path('key'), 'utf8') };
  });
  return {
    ...own,
    issue: (name) =>
      inFolder((path) => {
        writeFileSync(path('ca'), own.certificate);
        writeFileSync(path('ca-key'), own.key);
        writeFileSync(path('extensions'), 'basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1\n');
        openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', path('key'), '-out', path('request'));
        const by = [
          '-CA',
          path('ca'),
          '-CAkey',
          path('ca-key'),
          '-extfile',
          path('extensions'),
          '-days',
          '1',
        ];
        const certificate = openssl('x509', '-req', '-in', path('request'), ...by).toString();
        return { certificate, key: readFileSync(path('key'), 'utf8') };
      }),
  };
}
