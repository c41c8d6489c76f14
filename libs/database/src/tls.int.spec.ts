import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runCli } from '../../../apps/cli/testing/run-cli';
import { eventually, testLogger } from '../../../test/kit';
import { query } from '../../../tools/platform/database';
import { type Postgres, startPostgres } from '../../../tools/stack/postgres';
import { createDataSource } from './data-source';
import { classifyDatabaseError } from './errors';
import { listen } from './listen';
import { sqlOf } from './transaction';

let directory: string;
let postgres: Postgres;
/** Certificates and keys, in PEM. */
let ours: { ca: string; certificate: string; key: string };
let theirs: { ca: string };

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'talaria-tls-'));
  ours = makeCertificates('ours');
  theirs = makeCertificates('theirs');
  postgres = await startPostgres({ directory, pidFiles: directory, say: () => undefined });
  await serveTls(ours);
}, 120_000);
afterAll(async () => {
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** An authority, and what it has signed for localhost, with openssl. */
function makeCertificates(name: string): { ca: string; certificate: string; key: string } {
  const path = (file: string) => join(directory, `${name}-${file}`);
  const openssl = (...args: string[]) => {
    const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${error?.message ?? stderr}`);
  };
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...fresh,
    '-subj',
    `/CN=${name}`,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
  );
  openssl('req', ...fresh, '-subj', '/CN=postgres', '-keyout', path('key'), '-out', path('csr'));
  writeFileSync(path('ext'), 'subjectAltName = DNS:localhost');
  openssl(
    ...[
      'x509',
      '-req',
      '-in',
      path('csr'),
      '-CA',
      path('ca.pem'),
      '-CAkey',
      path('ca.key'),
      '-CAcreateserial',
    ],
    ...['-extfile', path('ext'), '-out', path('pem')],
  );
  const read = (file: string) => readFileSync(path(file), 'utf8');
  return { ca: read('ca.pem'), certificate: read('pem'), key: read('key') };
}

/** The server writes the files, which must be its user's. */
async function serveTls({ certificate, key }: { certificate: string; key: string }): Promise<void> {
  const [row] = await query<{ folder: string }>(
    postgres.url,
    `SELECT current_setting('data_directory') AS folder`,
  );
  for (const [name, pem] of Object.entries({ 'server.crt': certificate, 'server.key': key })) {
    const file = join(row?.folder ?? '', name);
    await query(postgres.url, `COPY (SELECT unnest(string_to_array('${pem}', chr(10)))) TO '${file}'`);
    chmodSync(file, 0o600);
  }
  await switchTls('on');
}

async function switchTls(to: 'on' | 'off'): Promise<void> {
  await query(postgres.url, `ALTER SYSTEM SET ssl = ${to}`);
  await query(postgres.url, 'SELECT pg_reload_conf()');
  await eventually(async () => expect(await query(postgres.url, 'SHOW ssl')).toEqual([{ ssl: to }]));
}

function urlOf(mode: string, host = 'localhost'): string {
  const url = new URL(postgres.url);
  url.hostname = host;
  url.searchParams.set('sslmode', mode);
  return url.href;
}

type Address = { readonly mode: string; readonly host?: string; readonly ca?: string };
const addressOf = ({ mode, host, ca }: Address) => ({
  DATABASE_URL: urlOf(mode, host),
  DATABASE_SSL_CA: ca,
});

/** Whether the connections of the pool are encrypted; or why there is none. */
async function pool(address: Address): Promise<string> {
  const dataSource = createDataSource({ ...addressOf(address), DATABASE_POOL_SIZE: 1 });
  try {
    await dataSource.initialize();
    const [row] = await sqlOf(dataSource)<{ ssl: boolean }>(
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );
    return row?.ssl === true ? 'encrypted' : 'plain';
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).message;
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}

it('verify-full takes who is signed by the authority, for the host that is named, and nobody else', async () => {
  const mode = 'verify-full';
  expect(await pool({ mode, ca: ours.ca })).toBe('encrypted');
  // One of several.
  expect(await pool({ mode, ca: theirs.ca + ours.ca })).toBe('encrypted');
  expect(await pool({ mode, ca: theirs.ca })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  expect(await pool({ mode })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  expect(await pool({ mode, ca: ours.ca, host: '127.0.0.1' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
});

it('verify-ca does not look at the host; require looks at nothing, unless it is given an authority', async () => {
  const host = '127.0.0.1';
  expect(await pool({ mode: 'verify-ca', host, ca: ours.ca })).toBe('encrypted');
  expect(await pool({ mode: 'verify-ca', host, ca: theirs.ca })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  expect(await pool({ mode: 'require', host })).toBe('encrypted');
  expect(await pool({ mode: 'require', host, ca: ours.ca })).toBe('encrypted');
  expect(await pool({ mode: 'require', host, ca: theirs.ca })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  expect(await pool({ mode: 'disable', host })).toBe('plain');
});

it('the connection that listens does as the others do', async () => {
  const heard = async (ca: string, withinMs: number) => {
    const listener = listen({
      ...{ database: addressOf({ mode: 'verify-full', ca }), channel: 'any', logger: testLogger },
      onNotice: () => undefined,
    });
    const [row] = await eventually(async () => {
      const rows = await query<{ ssl: boolean }>(
        postgres.url,
        `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'talaria-listen'`,
      );
      if (rows.length === 0) throw new Error('nobody listens');
      return rows;
    }, withinMs).catch(() => []);
    await listener.close();
    return row?.ssl;
  };
  expect(await heard(ours.ca, 15_000)).toBe(true);
  expect(await heard(theirs.ca, 2000)).toBeUndefined();
}, 40_000);

it('a server that has gone silent is noticed, and one that answers is not given up', async () => {
  const config = { ...addressOf({ mode: 'verify-full', ca: ours.ca }), DATABASE_POOL_SIZE: 1 };
  const dataSource = await createDataSource(config, undefined, 1500).initialize();
  const sql = sqlOf(dataSource);
  const pid = () => sql<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const before = await pid();
  for (let time = 0; time < 5; time++) {
    await delay(500);
    expect(await pid()).toEqual(before);
  }
  expect(await sql('SELECT pg_sleep(10)').catch(classifyDatabaseError)).toBe('unavailable');
  expect(await pid()).not.toEqual(before);
  await dataSource.destroy();
}, 20_000);

it('the command says what is wrong, and migrates over an encrypted connection', async () => {
  const run = async (address: Address, verb = 'status') => {
    const { code, out, err } = await runCli(['database', verb], { env: { ...addressOf(address) } });
    return `${code} ${out}${err}`;
  };
  const mode = 'verify-full';
  expect(await run({ mode, ca: theirs.ca })).toMatch(
    /^4 error: The database at localhost:\d+\/talaria is not connected to: its certificate is not signed by DATABASE_SSL_CA/,
  );
  expect(await run({ mode, ca: ours.ca, host: '127.0.0.1' })).toContain(
    'its certificate is for another host',
  );
  expect(await run({ mode, ca: ours.ca }, 'migrate')).toBe('0 Applied Initial1763900000000.\n');

  expect(await run({ mode: 'prefer' })).toMatch(
    /^2 [^]*DATABASE_URL must have one sslmode: disable, require, verify-ca, verify-full/,
  );
  expect(await run({ mode: 'disable', ca: ours.ca })).toMatch(/^2 [^]*nothing is encrypted/);
  expect(await run({ mode: 'verify-ca' })).toMatch(/^2 [^]*DATABASE_SSL_CA is missing/);
  expect(await run({ mode, ca: 'no certificate' })).toMatch(/^2 [^]*must be certificates in PEM/);
});

it('a server without TLS is refused, whatever is asked for', async () => {
  await switchTls('off');
  for (const mode of ['require', 'verify-full'])
    expect(await pool({ mode, ca: ours.ca })).toBe('The server does not support SSL connections');
  const { code, err } = await runCli(['database', 'status'], {
    env: addressOf({ mode: 'verify-full', ca: ours.ca }),
  });
  expect({ code, err }).toEqual({ code: 4, err: expect.stringContaining('it does not take TLS') });
});
