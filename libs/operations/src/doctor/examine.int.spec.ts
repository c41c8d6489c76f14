import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnvironment } from '@talaria/config';
import { topics } from '@talaria/contracts';
import { createDataSource } from '@talaria/database';
import { createKafka, type KafkaConfig, kafkaSettings } from '@talaria/kafka';
import { createKeyProvider, generateKey, seal, secretsSettings } from '@talaria/registry';
import { testDatabase, type TestDatabase, testKafka, type TestKafka, testLogger } from '../../../../test/kit';
import { applyTopics, topicSettings } from '../topics/topics';
import { examine, type Examination } from './examine';

let database: TestDatabase;
let kafka: TestKafka;
let directory: string;
let meta: Server;
let metaBehindMs: number | undefined;

const withTopics = (config: KafkaConfig) => ({ ...config, ...readEnvironment(topicSettings, {}) });

beforeAll(async () => {
  [database, kafka] = await Promise.all([testDatabase(), testKafka([])]);
  await applyTopics({ config: withTopics(kafka.config), logger: testLogger });
  directory = mkdtempSync(join(tmpdir(), 'doctor-'));
  meta = createServer((_, response) => {
    response.sendDate = metaBehindMs === undefined;
    if (metaBehindMs !== undefined)
      response.setHeader('date', new Date(Date.now() - metaBehindMs).toUTCString());
    response.writeHead(400).end();
  });
  await new Promise<void>((resolve) => meta.listen(0, '127.0.0.1', resolve));
}, 60_000);
afterAll(async () => {
  meta.close();
  rmSync(directory, { recursive: true });
  const admin = createKafka(kafka.config, 'test', testLogger).admin();
  await admin.connect();
  const names = await admin.listTopics();
  await admin.deleteTopics({ topics: names.filter((name) => name.startsWith(kafka.config.KAFKA_PREFIX)) });
  await admin.disconnect();
  await kafka.close();
  await database.close();
}, 60_000);

const readKafka = (env: NodeJS.ProcessEnv) => readEnvironment(kafkaSettings, env);
const metaUrl = () => `http://127.0.0.1:${(meta.address() as AddressInfo).port}`;

/** Meta takes one of the tokens. */
const metaAccess = (url = metaUrl()) => ({
  url,
  probe: (_number: string, token: string) =>
    Promise.resolve(token === 'good' ? ('well' as const) : ('refused' as const)),
});

async function look(asked: Partial<Examination> = {}) {
  const findings = await examine({
    services: {},
    env: {},
    openDatabase: () => Promise.resolve(database.dataSource),
    openKafka: () => ({ config: withTopics(kafka.config), logger: testLogger }),
    deadlineMs: 15_000,
    ...asked,
  });
  return findings;
}

const sick = async (asked: Partial<Examination> = {}) =>
  (await look(asked))
    .filter(({ result }) => result !== 'ok')
    .map(({ check, subject, result, found }) => [check, subject, result, found]);

const NOBODY_RUNS = [
  ['lag', 'dispatcher', 'warning', 'none runs; 0 records behind'],
  ['lag', 'processor', 'warning', 'none runs; 0 records behind'],
];

it('where all is well says so of everything, and leaves nothing behind', async () => {
  const services = { processor: readKafka };
  const env = { KAFKA_BROKERS: kafka.config.KAFKA_BROKERS.join() };
  const all = await look({ services, env, spool: { directory, maxBytes: 1 }, meta: metaAccess() });
  const checks = [
    'configuration',
    'postgres',
    'migrations',
    'clock',
    'read model',
    'kafka',
    'topics',
    'lag',
    'disk',
    'meta',
  ];
  expect([...new Set(all.map(({ check }) => check))]).toEqual(checks);
  const notWell = all.filter(({ result, check }) => result !== 'ok' && check !== 'lag' && check !== 'disk');
  expect(notWell).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
});

it('variables that a service lacks or has wrong are named, each with the service, never with its value', async () => {
  const services = { dispatcher: readKafka, processor: readKafka };
  const found = await sick({ services, env: { KAFKA_BROKERS: 'a secret', KAFKA_SSL: 'yes' } });
  expect(found.slice(0, 3)).toEqual([
    [
      'configuration',
      'dispatcher',
      'failed',
      expect.stringMatching(/^KAFKA_BROKERS must be comma-separated/),
    ],
    ['configuration', 'dispatcher', 'failed', expect.stringMatching(/^KAFKA_SSL must be one of/)],
    ['configuration', 'processor', 'failed', expect.stringMatching(/^KAFKA_BROKERS/)],
  ]);
  expect(JSON.stringify(found)).not.toContain('secret');
});

it('servers that are away, or never answer, cost their deadline, and what needs them is not judged', async () => {
  const open = new Set<Socket>();
  const silent = createTcpServer((socket) => void open.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const away = readEnvironment(kafkaSettings, { KAFKA_BROKERS: '127.0.0.1:1' });
  const url = `postgres://u:a-secret@127.0.0.1:${port}/d`;
  const began = performance.now();
  const found = await sick({
    openDatabase: () => createDataSource({ DATABASE_URL: url, DATABASE_POOL_SIZE: 1 }).initialize(),
    openKafka: () => ({ config: withTopics(away), logger: testLogger }),
    meta: metaAccess('http://127.0.0.1:1'),
    deadlineMs: 3000,
  });
  expect(performance.now() - began).toBeLessThan(8000);
  expect(found).toEqual([
    ['postgres', 'postgres', 'failed', 'no answer within 3 s'],
    ...['migrations', 'clock', 'read model'].map((check) => [check, check, 'failed', 'no answer within 3 s']),
    ['kafka', 'KAFKA_BROKERS', 'failed', expect.stringMatching(/^no broker answers/)],
    ['topics', 'topics', 'warning', 'not checked: Kafka cannot be asked'],
    ['lag', 'lag', 'warning', 'not checked: Kafka cannot be asked'],
    ['meta', 'http://127.0.0.1:1', 'failed', expect.stringMatching(/^it does not answer/)],
  ]);
  expect(JSON.stringify(found)).not.toContain('a-secret');
  for (const socket of open) socket.destroy();
  silent.close();
}, 20_000);

it('a schema that is older or newer than this release, and a read model of another shape, say what to do', async () => {
  const { dataSource } = database;
  await dataSource.query(`UPDATE projections SET shape = 99`);
  await dataSource.query(`INSERT INTO migrations (timestamp, name) VALUES (9, 'Tomorrow9')`);
  expect(await sick()).toEqual([
    ['migrations', 'schema', 'warning', 'it is newer than this release, which may work with it: Tomorrow9'],
    ['read model', 'version 1', 'failed', 'live, of shape 99: this release writes shape 1'],
    ...NOBODY_RUNS,
  ]);
  await dataSource.query(`UPDATE oldest_program SET migration = 'Tomorrow9'`);
  expect((await sick())[0]).toEqual([
    ...['migrations', 'schema', 'failed', 'it is newer than this release: Tomorrow9'],
  ]);
  await dataSource.query(`UPDATE oldest_program SET migration = 'Initial1763900000000'`);
  await dataSource.query(`UPDATE projections SET shape = 1`);
  await dataSource.query(`ALTER TABLE migrations RENAME TO m`);
  expect(await sick()).toEqual([
    ['migrations', 'schema', 'failed', 'not applied: Initial1763900000000'],
    ...NOBODY_RUNS,
  ]);
  await dataSource.query(`ALTER TABLE m RENAME TO migrations`);
  await dataSource.query(`DELETE FROM migrations WHERE timestamp = 9`);
});

it('a clock, a disk and topics that are not right are told with how far', async () => {
  metaBehindMs = 60_000;
  const admin = createKafka(kafka.config, 'test', testLogger).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [kafka.config.KAFKA_PREFIX + topics.webhooksDlq.name] });
  await admin.disconnect();
  const missing = { directory: join(directory, 'missing'), maxBytes: 1 };
  const found = await sick({ spool: missing, meta: metaAccess() });
  expect(found).toEqual([
    ['topics', kafka.config.KAFKA_PREFIX + topics.webhooksDlq.name, 'failed', 'it is missing'],
    ...NOBODY_RUNS,
    ['disk', missing.directory, 'warning', 'there is no such folder; ingestion makes it when it starts'],
    ['meta', `${metaUrl()} (clock)`, 'failed', expect.stringMatching(/^its clock is (59|60)\.\d s behind/)],
  ]);
  const full = await sick({ spool: { directory, maxBytes: 2 ** 60 } });
  expect(full).toContainEqual([
    'disk',
    directory,
    'warning',
    expect.stringMatching(/MiB are free, SPOOL_MAX_SIZE is/),
  ]);
  const file = await sick({ spool: { directory: __filename, maxBytes: 1 } });
  expect(file).toContainEqual(['disk', __filename, 'failed', 'it cannot be looked at (ENOTDIR)']);
});

it('tokens that do not open, are missing, or are not taken by Meta are told by whose they are, never by what they are', async () => {
  const { dataSource } = database;
  const key = generateKey('now');
  const openKeys = () => createKeyProvider(readEnvironment(secretsSettings, { SECRETS_KEYS: key }));
  const others = createKeyProvider(readEnvironment(secretsSettings, { SECRETS_KEYS: generateKey('old') }));
  expect(await look({ openKeys })).toContainEqual({
    ...{ check: 'tokens', subject: 'registry', result: 'ok', found: 'no token or secret is stored yet' },
  });
  const tokens = { 1: [openKeys(), 'good'], 2: [openKeys(), 'a-secret'], 3: [others, 'a-secret'] } as const;
  await dataSource.query(`INSERT INTO wabas (waba_id, name) VALUES ('4', '')`);
  for (const [id, [keys, token]] of Object.entries(tokens)) {
    const sealed = await seal(keys, { table: 'wabas', id, column: 'access_token' }, token);
    await dataSource.query(`INSERT INTO wabas (waba_id, name, access_token) VALUES ($1, '', $2)`, [
      id,
      sealed,
    ]);
  }
  await dataSource.query(
    `INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number) SELECT '10' || waba_id, waba_id, '' FROM wabas`,
  );
  const all = await look({ openKeys, meta: metaAccess() });
  const found = all.filter(({ check }) => check === 'tokens');
  expect(found.map(({ subject, result, found: what }) => [subject, result, what])).toEqual([
    ['registry', 'ok', '2 of 3 tokens and secrets open'],
    ['account 3', 'failed', expect.stringMatching(/^wabas\/3\/access_token is sealed by the key old, which/)],
    ['account 2', 'failed', 'Meta refuses its token for number 102'],
    ['number 104', 'warning', 'it has no token, and neither has its account'],
  ]);
  expect(JSON.stringify(all)).not.toMatch(/a-secret|good/);
  const wrong = () => createKeyProvider(readEnvironment(secretsSettings, { SECRETS_KEYS: 'a-secret' }));
  expect(await sick({ openKeys: wrong })).toContainEqual([
    'tokens',
    'tokens',
    'warning',
    'not checked: SECRETS_KEYS or SECRETS_KEYS_FILE is not right',
  ]);
});
