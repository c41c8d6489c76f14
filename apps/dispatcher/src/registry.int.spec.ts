import { Writable } from 'node:stream';
import { createLogger } from '@talaria/observability';
import {
  createKeyProvider,
  generateKey,
  type KeyProvider,
  parseKeys,
  type Place,
  seal,
} from '@talaria/registry';
import { eventually, required, testDatabase, type TestDatabase, testLogger } from '../../../test/kit';
import { query as queryAt } from '../../../tools/platform/database';
import { openRegistry, type Registry } from './registry';

let database: TestDatabase;
let registry: Registry;
let readings = 0;
const query = (text: string, parameters: unknown[] = []) =>
  database.dataSource.query<unknown>(text, parameters);

const keysOf = (...lines: string[]) =>
  createKeyProvider({ SECRETS_KEYS: parseKeys(lines.join()), SECRETS_KEYS_FILE: '' });
const key = generateKey('one');
const keys = keysOf(key);
const tokenOf = (place: Pick<Place, 'table' | 'id'>, token: string, by: KeyProvider = keys) =>
  seal(by, { ...place, column: 'access_token' } as Place, token);

beforeAll(async () => {
  database = await testDatabase();
  await query(`INSERT INTO wabas (waba_id, name) VALUES ('900', 'one')`);
  registry = await openRegistry({
    ...{
      dataSource: database.dataSource,
      database: { DATABASE_URL: database.url },
      keys,
      logger: testLogger,
    },
    pollMs: 100,
    onChange: () => readings++,
  });
});
afterAll(async () => {
  await registry.close();
  await database.close();
});

async function addNumber(id: string, token: string | null, wabaId = '900'): Promise<void> {
  await query(
    `INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number, access_token) VALUES ($1, $2, '', $3)`,
    [id, wabaId, token],
  );
}

it('follows within a second what is registered, paused and deleted', async () => {
  await query(
    `INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number, access_token, paused_until) VALUES ('100', '900', '', $1, 'infinity')`,
    [await tokenOf({ table: 'phone_numbers', id: '100' }, 't')],
  );
  const from = performance.now();
  await eventually(() =>
    expect(registry.find('100')).toMatchObject({ pausedUntil: Infinity, accessToken: 't' }),
  );
  // The promise is a second; the rest is the machine's.
  expect(performance.now() - from).toBeLessThan(5000);
  expect(registry.findAccount('900')).toMatchObject({
    appId: 'default',
    pausedUntil: null,
    messagesPerSecond: null,
  });
  expect([...registry.apps()]).toMatchObject([
    { appId: 'default', messagesPerSecond: null, pausedUntil: null },
  ]);
  await query(`UPDATE phone_numbers SET paused_until = '2030-01-02T03:04:05Z'`);
  await eventually(() => expect(registry.find('100')?.pausedUntil).toEqual(new Date('2030-01-02T03:04:05Z')));
  await query(`DELETE FROM phone_numbers`);
  await eventually(() => expect(registry.find('100')).toBeUndefined());
});

it('reads rows again only when one was added, changed or deleted, and knows when campaigns were cancelled', async () => {
  const another = async () => {
    const now = readings;
    await eventually(() => expect(readings).toBeGreaterThan(now + 1));
    return { row: registry.find('200'), cancelled: registry.cancelled };
  };
  for (const id of ['200', '300']) await addNumber(id, await tokenOf({ table: 'phone_numbers', id }, 't'));
  const first = await another();
  const again = await another();
  expect(again.row).toBe(first.row);
  await query(`UPDATE phone_numbers SET messages_per_second = 5 WHERE phone_number_id = '300'`);
  await eventually(() => expect(registry.find('300')?.messagesPerSecond).toBe(5));
  expect(registry.cancelled).toBe(first.cancelled);
  await query(`INSERT INTO cancelled_campaigns (waba_id, campaign_id) VALUES ('900', 'c')`);
  await eventually(() => expect(registry.isCancelled({ wabaId: '900', campaignId: 'c' })).toBe(true));
  expect(registry.cancelled).not.toBe(first.cancelled);
});

it('adds up what processors tell of a number, and forgets what they told long ago', async () => {
  await query(`INSERT INTO inbound_rates VALUES
    ('100', gen_random_uuid(), 10, now() + interval '1 hour'), ('100', gen_random_uuid(), 2.5, now() + interval '1 hour'),
    ('100', gen_random_uuid(), 40, now() - interval '6 seconds'), ('200', gen_random_uuid(), 9, now() - interval '6 seconds')`);
  await eventually(() => expect(registry.inboundPerSecond('100')).toBe(12.5));
  expect(registry.inboundPerSecond('200')).toBe(0);
  expect(registry.inboundPerSecond('300')).toBe(0);
});

it('counts the numbers that may send, are paused, or are of a restricted account', async () => {
  const before = registry.states();
  await query(`INSERT INTO apps (app_id, paused_until) VALUES ('rests', 'infinity')`);
  await query(`INSERT INTO wabas (waba_id, name, app_id, paused_until, restricted_until) VALUES
    ('901', 'of a paused app', 'rests', NULL, NULL), ('902', 'paused', 'default', now() + interval '1 hour', NULL),
    ('903', 'restricted', 'default', NULL, 'infinity'), ('904', 'was', 'default', '2020-01-01', '2020-01-01')`);
  for (const account of ['901', '902', '903', '904'])
    await addNumber(
      `1${account}`,
      await tokenOf({ table: 'phone_numbers', id: `1${account}` }, 't'),
      account,
    );
  await query(`UPDATE phone_numbers SET paused_until = 'infinity' WHERE phone_number_id = '1903'`);
  await eventually(() =>
    expect(registry.states()).toEqual({
      ...{ active: before.active + 1, paused: before.paused + 2, restricted: before.restricted + 1 },
    }),
  );
  await query(`DELETE FROM phone_numbers WHERE waba_id > '900'`);
  await query(`DELETE FROM wabas WHERE waba_id > '900'`);
  await query(`DELETE FROM apps WHERE app_id = 'rests'`);
});

describe('without a poll', () => {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger(
    'test',
    'info',
    new Writable({
      write(line: Buffer, _, done) {
        lines.push(JSON.parse(String(line)) as Record<string, unknown>);
        done();
      },
    }),
  );
  let listening: Registry;
  let given = keysOf(key);
  beforeAll(async () => {
    const dataSource = database.dataSource;
    await query('DELETE FROM phone_numbers');
    listening = await openRegistry({
      ...{
        dataSource,
        database: { DATABASE_URL: database.url },
        logger,
        pollMs: 3_600_000,
        onChange: () => undefined,
      },
      keys: {
        currentKeyId: () => given.currentKeyId(),
        wrap: (...args) => given.wrap(...args),
        unwrap: (...args) => given.unwrap(...args),
      },
    });
  });
  afterAll(() => listening.close());

  it('it hears of each change as it is committed, and of those made while it could hear nothing', async () => {
    await eventually(() => expect(listeners()).resolves.toHaveLength(2));
    await query(`UPDATE wabas SET messages_per_second = 7`);
    const from = performance.now();
    await eventually(() => expect(listening.findAccount('900')?.messagesPerSecond).toBe(7));
    expect(performance.now() - from).toBeLessThan(5000);
    const admin = required('DATABASE_URL');
    const name = new URL(database.url).pathname.slice(1);
    await queryAt(admin, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'talaria-listen'
                 AND datname = current_database()`);
    await eventually(() => expect(listeners()).resolves.toHaveLength(0));
    await query(`UPDATE wabas SET messages_per_second = 8`);
    await queryAt(admin, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await eventually(() => expect(listening.findAccount('900')?.messagesPerSecond).toBe(8));
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'no notices of changes are heard: they are looked for meanwhile' }),
    );
  });

  const listeners = () =>
    database.dataSource.query<unknown[]>(
      `SELECT FROM pg_stat_activity WHERE application_name = 'talaria-listen' AND datname = current_database() AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')`,
    );

  it("a number's own token goes before its account's; one that does not open pauses what needs it, and nothing else", async () => {
    const account = { table: 'wabas', id: '900' } as const;
    const own = await tokenOf({ table: 'phone_numbers', id: '2' }, 'its own');
    await query(`UPDATE wabas SET access_token = $1`, [await tokenOf(account, 'of the account')]);
    await addNumber('1', null);
    await addNumber('2', own);
    const tokens = () => ['1', '2', '3'].map((id) => listening.find(id)?.accessToken);
    await eventually(() => expect(tokens()).toEqual(['of the account', 'its own', undefined]));

    // Copied from another row.
    await addNumber('3', own);
    const later = keysOf(generateKey('two'), key);
    await query(`UPDATE wabas SET access_token = $1`, [await tokenOf(account, 'by a new key', later)]);
    await eventually(() => expect(listening.tokenFaults).toBe(2));
    expect(tokens()).toEqual([undefined, 'its own', undefined]);
    expect(['1', '2', '3'].map((id) => listening.find(id)?.pausedUntil)).toEqual([Infinity, null, Infinity]);
    const told = lines.filter(({ level }) => level === 'error');
    expect(told).toHaveLength(2);
    expect(told).toContainEqual(
      expect.objectContaining({
        ...{ row: 'wabas/900', keyId: 'two', reason: 'unknown-key' },
        msg: expect.stringMatching(
          /add that key, or store the token anew with `talaria accounts rotate-token 900`/,
        ),
      }),
    );
    expect(told).toContainEqual(
      expect.objectContaining({
        ...{ row: 'phone_numbers/3', keyId: 'one', reason: 'refused' },
        msg: expect.stringMatching(/`talaria numbers rotate-token 3`/),
      }),
    );

    // The key comes, and only then any row is changed: nothing else tells the registry of it but its next reading.
    given = later;
    await query(`UPDATE apps SET messages_per_second = 9`);
    await eventually(() => expect(tokens()).toEqual(['by a new key', 'its own', undefined]));
    expect(listening.find('1')?.pausedUntil).toBeNull();
    await query(`DELETE FROM phone_numbers WHERE phone_number_id = '3'`);
    await query(`UPDATE wabas SET access_token = NULL`);
    await eventually(() =>
      expect(lines).toContainEqual(
        expect.objectContaining({
          ...{ row: 'phone_numbers/1', reason: 'missing' },
          msg: expect.stringMatching(/has no token.*`talaria accounts rotate-token 900`/),
        }),
      ),
    );
    await eventually(() => expect(listening.find('1')).toMatchObject({ pausedUntil: Infinity }));
    expect(JSON.stringify(lines)).not.toMatch(/its own|of the account|by a new key|t1\./);
  });
});
