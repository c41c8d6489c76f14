import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { headers } from '@talaria/contracts';
import { createLogger } from '@talaria/observability';
import { createKeyProvider, generateKey, parseKeys, type Place, seal } from '@talaria/registry';
import { sign } from '@talaria/whatsapp';
import { register } from 'prom-client';
import { eventually, required, testDatabase, type TestDatabase } from '../../../../test/kit';
import { query as queryAt } from '../../../../tools/platform/database';
import { type Answer, ask, RawConnection } from '../../testing/raw-connection';
import {
  closeIngestions,
  head,
  secrets,
  startIngestion,
  type TestIngestion,
  verifyToken,
  webhook,
} from '../../testing/test-ingestion';
import { type Apps, ownAppOf } from './app';
import { watchApps } from './apps.metrics';
import { followApps } from './follow-apps';

type Line = Readonly<Record<string, unknown>> & { readonly msg: string };
type Site = TestIngestion & { readonly apps: Apps; readonly lines: Line[]; readonly directory: string };

const body = JSON.stringify({ entry: [{ id: '1', changes: [{ field: 'flows', value: {} }] }] });
const HOUR_MS = 3_600_000;
const keyFile = generateKey('one');
const lostKey = generateKey('lost');
const keysOf = (...lines: string[]) =>
  createKeyProvider({ SECRETS_KEYS: parseKeys(lines.join('\n')), SECRETS_KEYS_FILE: '' });
const own = ownAppOf({ WHATSAPP_APP_SECRET: secrets, WHATSAPP_VERIFY_TOKEN: verifyToken });

let database: TestDatabase;
let root: string;
const open: Apps[] = [];
const query = (text: string, parameters: unknown[] = []) =>
  database.dataSource.query<unknown>(text, parameters);

beforeAll(async () => {
  database = await testDatabase();
  root = mkdtempSync(join(tmpdir(), 'apps-'));
});
afterEach(async () => {
  await closeIngestions();
  await Promise.all(open.splice(0).map((apps) => apps.close()));
  await query(`DELETE FROM apps WHERE app_id <> 'default'`);
});
afterAll(async () => {
  await database.close();
  rmSync(root, { recursive: true });
});

const sealed = (id: string, column: 'app_secrets' | 'verify_token', secret: string, key = keyFile) =>
  seal(keysOf(key), { table: 'apps', id, column } satisfies Place, secret);

/** Adds an app, or gives one other secrets. */
async function store(id: string, appSecrets: readonly string[], token?: string, key = keyFile) {
  await query(
    `INSERT INTO apps (app_id, app_secrets, verify_token) VALUES ($1, $2, $3)
     ON CONFLICT (app_id) DO UPDATE SET app_secrets = excluded.app_secrets`,
    [
      id,
      await Promise.all(appSecrets.map((one) => sealed(id, 'app_secrets', one, key))),
      token === undefined ? null : await sealed(id, 'verify_token', token, key),
    ],
  );
}

const newDirectory = () => mkdtempSync(join(root, 'spool-'));

async function startSite(options: Partial<Parameters<typeof followApps>[0]> = {}): Promise<Site> {
  const lines: Line[] = [];
  const destination = new Writable({
    write(line: Buffer, _, done) {
      lines.push(JSON.parse(String(line)) as Line);
      done();
    },
  });
  const directory = options.directory ?? newDirectory();
  const apps = await followApps({
    ...{ own, database: { DATABASE_URL: database.url }, keys: keysOf(keyFile), pollMs: HOUR_MS, directory },
    logger: createLogger('test', 'info', destination),
    ...options,
  });
  open.push(apps);
  return { ...(await startIngestion({ apps })), apps, lines, directory };
}

const line = (method: string, app: string | undefined, search = '') =>
  `${method} /webhooks/whatsapp${app === undefined ? '' : `/${app}`}${search} HTTP/1.1`;

/** @param app undefined for the app of the environment */
async function post(site: Site, app: string | undefined, secret: string): Promise<number | undefined> {
  const signature = sign(Buffer.from(body), secret);
  const answer = await ask(site.port, webhook(body, { 'X-Hub-Signature-256': signature }, line('POST', app)));
  expect(answer?.body).toBe('');
  return answer?.status;
}

function shake(site: Site, app: string | undefined, token: string): Promise<Answer | undefined> {
  const search = new URLSearchParams({
    'hub.mode': 'subscribe',
    'hub.verify_token': token,
    'hub.challenge': '42',
  });
  return ask(site.port, head(line('GET', app, `?${search.toString()}`), { Host: 'x' }));
}

async function takeDatabase(): Promise<() => Promise<void>> {
  const admin = required('DATABASE_URL');
  const name = new URL(database.url).pathname.slice(1);
  await queryAt(admin, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await queryAt(admin, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  return async () => {
    await queryAt(admin, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  };
}

/** Resolves when it holds, which it has to within the second that is promised; the rest is the machine's. */
async function soon(attempt: () => Promise<void>): Promise<void> {
  const from = performance.now();
  await eventually(attempt);
  expect(performance.now() - from).toBeLessThan(5000);
}

describe('many apps', () => {
  it('are served at a path each: what one signs is refused at the path of another, and its records tell whose they are', async () => {
    await store('100', ['secret of 100'], 'token of 100');
    await store('app-b', ['secret of b']);
    const site = await startSite();
    for (const [app, secret] of [
      ['100', 'secret of 100'],
      ['app-b', 'secret of b'],
      [undefined, secrets[1]],
    ] as const) {
      for (const one of ['secret of 100', 'secret of b', secrets[1]])
        expect([app, one, await post(site, app, one)]).toEqual([app, one, one === secret ? 200 : 401]);
    }
    expect(site.records.map((record) => record.headers?.[headers.appId])).toEqual([
      '100',
      'app-b',
      undefined,
    ]);

    expect(await shake(site, '100', 'token of 100')).toMatchObject({ status: 200, body: '42' });
    expect(await shake(site, undefined, verifyToken)).toMatchObject({ status: 200, body: '42' });
    for (const [app, token] of [
      ['100', verifyToken],
      ['app-b', 'token of 100'],
      ['app-b', ''],
      [undefined, 'token of 100'],
    ] as const)
      expect(await shake(site, app, token)).toMatchObject({ status: 403, body: '' });
  });

  it('that are not there are answered 404 before a body is read, and are in no metric', async () => {
    await store('100', ['secret of 100']);
    const site = await startSite({ own: undefined });
    const strange = [
      'nobody',
      'default',
      '',
      '100/',
      '100%00',
      '..%2f100',
      '__proto__',
      'constructor',
      '10%30',
    ];
    for (const app of [undefined, ...strange, 'x'.repeat(101), 'x'.repeat(8000)]) {
      const known = app === '10%30' ? 200 : 404;
      expect([app, await post(site, app, 'secret of 100')]).toEqual([app, known]);
      if (known === 404) expect(await shake(site, app, '')).toMatchObject({ status: 404, body: '' });
    }
    const unread = await RawConnection.open(site.port);
    unread.send(webhook('', { 'Content-Length': '1000000' }, line('POST', 'nobody')));
    expect((await unread.ended()).map(({ status }) => status)).toEqual([404]);

    const metrics = await register.metrics();
    expect(metrics).toContain('talaria_webhook_requests_total{result="accepted",app="100"} ');
    expect(metrics).not.toMatch(/nobody|default"|proto|xxx/);
    expect(site.apps.fault()).toBeUndefined();
  });

  it('change while they are served: two secrets are live, a dropped one is refused, an app that is gone is 404, each within a second', async () => {
    await store('100', ['old']);
    await store('200', ['of 200']);
    const site = await startSite();
    await eventually(() => expect(listeners()).resolves.toHaveLength(1));
    const expectStatuses = (statuses: Readonly<Record<string, number>>) =>
      soon(async () => {
        for (const [secret, status] of Object.entries(statuses))
          expect([secret, await post(site, '100', secret)]).toEqual([secret, status]);
      });
    await expectStatuses({ old: 200, new: 401 });
    await store('100', ['new', 'old']);
    await expectStatuses({ old: 200, new: 200, newest: 401 });
    await store('100', ['new']);
    await expectStatuses({ old: 401, new: 200 });
    await query(`UPDATE apps SET app_secrets = '{}' WHERE app_id = '100'`);
    await expectStatuses({ new: 404 });
    await store('100', ['again']);
    await expectStatuses({ again: 200 });
    await query(`DELETE FROM apps WHERE app_id = '100'`);
    await expectStatuses({ again: 404 });
    expect(await register.metrics()).not.toContain('app="100"');
    expect(await post(site, '200', 'of 200')).toBe(200);

    // What is changed while nobody can be told is known as soon as the database is heard again.
    const giveBack = await takeDatabase();
    expect(await post(site, '200', 'of 200')).toBe(200);
    await giveBack();
    await store('300', ['of 300']);
    await eventually(async () => expect(await post(site, '300', 'of 300')).toBe(200));
    expect(site.lines.filter(({ level }) => level === 'error')).toEqual([]);
    // In the end the copy is what the table is, and not one secret is in it, or was ever logged, as it is.
    const rows = await database.dataSource.query<{ app_secrets: string[] }[]>('SELECT * FROM apps');
    const copyText = () => readFileSync(join(site.directory, 'apps.json'), 'utf8');
    await eventually(() => {
      for (const one of rows.flatMap(({ app_secrets }) => app_secrets)) expect(copyText()).toContain(one);
    });
    expect(copyText() + JSON.stringify(site.lines)).not.toMatch(/of 200|of 300|again"/);
  });

  it('whose secret does not open are answered 503, alone, with a line and a metric that name them, until the key has come', async () => {
    await store('100', ['of 100'], 'token of 100');
    await store('lost', ['of lost'], 'token of lost', lostKey);
    await store('half', ['of half']);
    await store('mute', ['of mute']);
    await query(`UPDATE apps SET verify_token = $1 WHERE app_id = 'mute'`, [
      await sealed('mute', 'verify_token', 'token of mute', lostKey),
    ]);
    await query(`UPDATE apps SET app_secrets = app_secrets || $1::text WHERE app_id = 'half'`, [
      await sealed('half', 'app_secrets', 'older of half', lostKey),
    ]);
    // Opened in its own row, it opens in no other all the same.
    await query(
      `INSERT INTO apps (app_id, app_secrets) SELECT 'thief', app_secrets FROM apps WHERE app_id = '100'`,
    );
    const file = join(root, 'keys');
    writeFileSync(file, keyFile);
    const keys = createKeyProvider({ SECRETS_KEYS: parseKeys(keyFile), SECRETS_KEYS_FILE: file });
    const site = await startSite({ keys, pollMs: 1000 });
    watchApps(site.apps);

    expect(await post(site, '100', 'of 100')).toBe(200);
    expect(await post(site, '100', 'of lost')).toBe(401);
    expect(await post(site, 'half', 'of half')).toBe(200);
    for (const [app, secret] of [
      ['lost', 'of lost'],
      ['lost', 'a stranger'],
      ['half', 'older of half'],
      ['thief', 'of 100'],
    ] as const)
      expect([app, secret, await post(site, app, secret)]).toEqual([app, secret, 503]);
    for (const app of ['lost', 'mute'])
      expect(await shake(site, app, `token of ${app}`)).toMatchObject({ status: 503, body: '' });
    // Nothing that is sealed can have signed it.
    expect(await post(site, 'mute', 'a stranger')).toBe(401);
    expect(await post(site, 'mute', 'of mute')).toBe(200);
    const told = site.lines.filter(({ level }) => level === 'error');
    expect(told.map(({ app, keyId, reason }) => [app, keyId, reason]).sort()).toEqual([
      ['half', 'lost', 'unknown-key'],
      ['lost', 'lost', 'unknown-key'],
      ['lost', 'lost', 'unknown-key'],
      ['mute', 'lost', 'unknown-key'],
      ['thief', 'one', 'refused'],
    ]);
    for (const { app, msg } of told)
      expect(msg).toMatch(
        new RegExp(`^apps/${String(app)}/.*\`talaria apps (rotate-secret|set-verify-token) `),
      );
    const metrics = await register.metrics();
    expect(metrics).toContain('talaria_app_sealed_secrets{app="lost"} 2');
    expect(metrics).toContain('talaria_app_sealed_secrets{app="half"} 1');
    expect(metrics).not.toContain('talaria_app_sealed_secrets{app="100"}');
    expect(metrics).toMatch(/talaria_webhook_requests_total\{result="sealed",app="lost"\} 2/);
    // It grows until the next reading, a second later.
    await eventually(async () =>
      expect(await register.metrics()).toMatch(/talaria_apps_known_seconds 0\.\d+/),
    );

    writeFileSync(file, `${keyFile}\n${lostKey}\n`);
    await eventually(async () => expect(await post(site, 'lost', 'of lost')).toBe(200));
    expect(await post(site, 'half', 'older of half')).toBe(200);
    expect(await post(site, 'half', 'a stranger')).toBe(401);
    expect(await post(site, 'thief', 'of 100')).toBe(503);
    expect(site.lines.filter(({ level }) => level === 'error')).toHaveLength(told.length);
    expect(site.lines).toContainEqual(
      expect.objectContaining({ app: 'lost', msg: expect.stringContaining('well') }),
    );
  });
});

describe('while the database is away', () => {
  it('a start goes by the sealed copy, says so, and takes the word of the database as soon as there is one', async () => {
    await store('100', ['old']);
    const before = await startSite();
    const { directory } = before;
    await before.apps.close();
    const copy = readFileSync(join(directory, 'apps.json'), 'utf8');
    // While nobody looks: the copy is behind.
    await store('100', ['new']);

    const giveBack = await takeDatabase();
    const site = await startSite({ directory, own: undefined, pollMs: 1000 });
    expect(await post(site, '100', 'old')).toBe(200);
    // Before long the database may know of it.
    await eventually(async () => expect(await post(site, '100', 'new')).toBe(503));
    expect(await shake(site, '100', 'a newer token')).toMatchObject({ status: 503, body: '' });
    expect(await register.metrics()).toMatch(
      /talaria_webhook_requests_total\{result="stale",app="100"\} [1-9]/,
    );
    expect(await post(site, '200', 'old')).toBe(404);
    expect(site.apps.fault()).toBeUndefined();
    const { readAt } = JSON.parse(copy) as { readAt: string };
    expect(site.lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        apps: 1,
        knownAt: readAt,
        msg: expect.stringContaining('copy in SPOOL_DIR'),
      }),
    );
    expect(new Date(site.apps.knownAt ?? 0).toISOString()).toBe(readAt);

    await giveBack();
    await eventually(async () => expect(await post(site, '100', 'new')).toBe(200));
    expect(await post(site, '100', 'old')).toBe(401);
    expect(site.apps.knownAt).toBeGreaterThan(Date.parse(readAt));
    await eventually(() => expect(readFileSync(join(directory, 'apps.json'), 'utf8')).not.toBe(copy));
    // Once, however often it was tried.
    expect(site.lines.filter(({ msg }) => msg.includes('cannot be read from the database'))).toHaveLength(1);
  });

  it('what no known secret has signed is answered 503, also when somebody has set the clock back meanwhile', async () => {
    await store('100', ['old']);
    const ahead = Date.now() + 60_000;
    const clock = jest.spyOn(Date, 'now').mockReturnValue(ahead);
    const site = await startSite({ pollMs: 1000 });
    const giveBack = await takeDatabase();
    clock.mockRestore();
    expect(site.apps.knownAt).toBe(ahead);
    await eventually(async () => expect(await post(site, '100', 'new')).toBe(503));
    await giveBack();
  });

  it.each(['without a copy', 'with a damaged copy'])(
    'a start %s answers 503, is not ready and says why, until the database answers',
    async (how) => {
      await store('100', ['of 100']);
      const directory = newDirectory();
      if (how === 'with a damaged copy') {
        const before = await startSite({ directory });
        await before.apps.close();
        const file = join(directory, 'apps.json');
        writeFileSync(file, readFileSync(file, 'utf8').replace('"100"', '"666"'));
      }
      const giveBack = await takeDatabase();
      const site = await startSite({ directory, own: undefined, pollMs: 1000 });
      expect(await post(site, '100', 'of 100')).toBe(503);
      expect(await post(site, '666', 'of 100')).toBe(503);
      expect(await shake(site, '100', '')).toMatchObject({ status: 503, body: '' });
      expect(await post(site, '', 'of 100')).toBe(404);
      expect(await post(site, undefined, 'of 100')).toBe(404);
      expect(site.apps.fault()).toContain('no app is known: the database does not answer');
      expect(site.lines.map(({ msg }) => msg)).toContainEqual(
        expect.stringContaining('look at DATABASE_URL'),
      );
      if (how === 'with a damaged copy') {
        expect(readdirSync(directory)).toEqual(['apps.json.damaged']);
        expect(site.lines.map(({ msg }) => msg)).toContainEqual(
          expect.stringContaining('set aside as apps.json.damaged'),
        );
      }
      // Who has an app of its own is ready for that one.
      const beside = await startSite({ pollMs: 1000 });
      expect(await post(beside, undefined, secrets[0])).toBe(200);
      expect(await post(beside, '100', 'of 100')).toBe(503);
      expect(beside.apps.fault()).toBeUndefined();

      await giveBack();
      await eventually(async () => expect(await post(site, '100', 'of 100')).toBe(200));
      expect(await post(site, '666', 'of 100')).toBe(404);
      expect(site.apps.fault()).toBeUndefined();
    },
  );
});

const listeners = () =>
  database.dataSource.query<unknown[]>(
    `SELECT FROM pg_stat_activity WHERE application_name = 'talaria-listen' AND datname = current_database() AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')`,
  );
