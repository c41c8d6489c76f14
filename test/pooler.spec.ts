import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '@talaria/contracts';
import { createDataSource, migrate, sqlOf } from '@talaria/database';
import { startVersion } from '../apps/processor/src/rebuild/start-version';
import { createDatabase, dropDatabase, query } from '../tools/platform/database';
import { type Platform, startPlatform } from '../tools/platform/platform';
import { freePorts } from '../tools/stack/ports';
import { eventually, kafkaConfigOf, publish, required, testDirectories, testLogger } from './kit';

const { PGBOUNCER = 'pgbouncer' } = process.env;
const isThere = spawnSync(PGBOUNCER, ['--version']).status === 0;
if (!isThere)
  process.stderr.write(
    'There is no pgbouncer on the PATH, nor in PGBOUNCER: what goes through it is not tried.\n',
  );
const describeWithPooler = isThere ? describe : describe.skip;

/** PgBouncer in transaction mode, before every database of the server; `url` puts it before one. */
async function startPooler(ignored: string) {
  const server = new URL(required('DATABASE_URL'));
  const [port = 0] = await freePorts(1);
  const directory = mkdtempSync(join(tmpdir(), 'talaria-pooler-'));
  const file = join(directory, 'pgbouncer.ini');
  const { hostname, username, password } = server;
  writeFileSync(
    file,
    `[databases]
* = host=${hostname} port=${server.port} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
ignore_startup_parameters = ${ignored}
`,
  );
  chmodSync(directory, 0o755);
  // It does not run as root.
  const account = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child: ChildProcess = spawn(PGBOUNCER, [file], { stdio: 'ignore', cwd: '/', ...account });
  const urlOf = (url: string) =>
    Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href;
  await eventually(() => query(urlOf(server.href), 'SELECT 1'));
  return {
    urlOf,
    stop() {
      child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const TIMEOUTS = 'statement_timeout, idle_in_transaction_session_timeout, lock_timeout';

describeWithPooler('behind a pooler in transaction mode', () => {
  const name = `test-pooler-${crypto.randomUUID().slice(0, 8)}`;
  const closers: (() => unknown)[] = [];
  let pooler: Awaited<ReturnType<typeof startPooler>>;
  let platform: Platform;

  beforeAll(async () => {
    pooler = await startPooler(TIMEOUTS);
    closers.push(() => pooler.stop());
    const url = new URL(required('DATABASE_URL'));
    url.pathname = `/talaria_${name.replaceAll('-', '_')}`;
    platform = await startPlatform({
      ...{ name, kafkaBrokers: required('KAFKA_BROKERS'), databaseUrl: required('DATABASE_URL') },
      env: { dispatcher: { DATABASE_URL: pooler.urlOf(url.href) } },
      directories: testDirectories(name),
    });
    closers.push(() => platform.stop());
  }, 90_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  }, 60_000);

  it('the dispatcher sends each command once, and notices changes that it is not told of', async () => {
    const number = {
      wabaId: '710001',
      phoneNumberId: '720001',
      displayPhoneNumber: '1555',
      accessToken: 't',
    };
    await platform.addNumber({ ...number, pausedUntil: '2099-01-01' });
    const commands = Array.from({ length: 200 }, (_, n) => ({
      ...{
        id: `pooled-${n}`,
        wabaId: number.wabaId,
        phoneNumberId: number.phoneNumberId,
        to: `+1555${1000 + n}`,
      },
      message: { type: 'text', text: { body: 'x' } },
    }));
    await publish(
      platform,
      topics.outbound.name,
      commands.map((command) => ({ key: command.wabaId, value: JSON.stringify(command) })),
    );
    const count = async (state: string) =>
      (await query(platform.databaseUrl, 'SELECT FROM dispatch_commands WHERE state = $1', [state])).length;
    await query(platform.databaseUrl, 'UPDATE phone_numbers SET paused_until = NULL');
    await eventually(async () => expect(await count('accepted')).toBe(200), 40_000);
    expect((await platform.simulator.accepted()).length).toBe(200);
  }, 60_000);

  it('several migrate at once as they do without', async () => {
    const admin = required('DATABASE_URL');
    const url = await createDatabase(admin, `test_${crypto.randomUUID()}`);
    const all = await Promise.all(
      [1, 2, 3].map(() =>
        createDataSource(
          { DATABASE_URL: pooler.urlOf(url), DATABASE_POOL_SIZE: 2 },
          undefined,
          0,
        ).initialize(),
      ),
    );
    const ran = await Promise.all(all.map((one) => migrate(one)));
    expect(ran.flat()).toEqual(['Initial1763900000000']);
    // Nothing of it is left in the sessions that others use now.
    for (const one of all)
      expect(
        await sqlOf(one)(
          `SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        ),
      ).toEqual([]);
    await Promise.all(all.map((one) => one.destroy()));
    await dropDatabase(admin, url);
  }, 30_000);

  it('the processor does not start: it would not work in the schema of its version', async () => {
    const start = (url: string) =>
      startVersion(
        {
          config: { ...kafkaConfigOf(platform), DATABASE_URL: url, DATABASE_POOL_SIZE: 1 },
          ...{ producer: {} as never, logger: testLogger, onFatal: () => undefined },
        },
        1,
        () => true,
      );
    await expect(start(pooler.urlOf(platform.databaseUrl))).rejects.toThrow('options');
    const careless = await startPooler(`${TIMEOUTS}, options`);
    closers.push(() => careless.stop());
    await expect(start(careless.urlOf(platform.databaseUrl))).rejects.toThrow(
      'the connection works in the schema public, not in projection_1: a pooler between has left out "options"',
    );
  }, 30_000);
});
