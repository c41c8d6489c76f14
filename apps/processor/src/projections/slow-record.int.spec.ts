import { headers, topics } from '@talaria/contracts';
import { createDataSource } from '@talaria/database';
import { register } from 'prom-client';
import { DataSource } from 'typeorm';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { keepingProducer } from '../../testing/processor';
import { aBatch, aTextMessage, aWebhook } from '../../testing/records';
import { Consumers } from '../consumers';

const TIMEOUTS = { statement_timeout: 600, lock_timeout: 300 };

let database: TestDatabase;
/** As the processor's, but sooner tired of waiting. */
let dataSource: DataSource;

beforeEach(async () => {
  database = await testDatabase(1);
  const { options } = createDataSource({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: 2 }, 1);
  const extra = { ...(options as { extra: object }).extra, ...TIMEOUTS };
  dataSource = await new DataSource({ ...options, extra }).initialize();
});
afterEach(async () => {
  await dataSource.destroy();
  await database.close();
});

const message = (id: string, text = 'Hello') =>
  aWebhook({ value: { messages: [aTextMessage({ id, text })] } });
const slow = message('slow', 'slow');
const batch = () => aBatch([message('a'), message('b'), slow, message('c')]);

function run() {
  const producer = keepingProducer();
  const consumers = new Consumers({ dataSource, producer, logger: testLogger });
  return {
    project: () => consumers.webhooks(batch()),
    dead: () => producer.sent.filter(({ topic }) => topic === topics.webhooksDlq.name),
  };
}

const wamids = async () => {
  const rows = await database.dataSource.query<{ wamid: string }[]>('SELECT wamid FROM messages ORDER BY 1');
  return rows.map(({ wamid }) => wamid);
};

async function failures(reason: string): Promise<number> {
  const metric = await register.getSingleMetric('talaria_projection_batch_failures_total')?.get();
  return metric?.values.find(({ labels }) => labels.reason === reason)?.value ?? NaN;
}

/** Makes the statement that writes such a row take so long. */
async function sleepOn(table: string, event: string, condition: string, seconds: number): Promise<void> {
  await database.dataSource.query(
    `CREATE FUNCTION sleep_${table}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(${seconds}); RETURN NEW; END'`,
  );
  await database.dataSource.query(
    `CREATE TRIGGER sleeps BEFORE ${event} ON ${table} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION sleep_${table}()`,
  );
}

const takesTooLong = () => sleepOn('messages', 'INSERT', `NEW.text = 'slow'`, 3);

it('why batches fail is counted from zero on', async () => {
  const text = await register.getSingleMetricAsString('talaria_projection_batch_failures_total');
  for (const reason of ['timeout', 'conflict', 'unavailable', 'unpublished', 'other'])
    expect(text).toContain(`{reason="${reason}"} 0`);
});

it('a batch that takes too long comes again three times; then a record that takes too long alone is dead-lettered, and the others are written', async () => {
  await takesTooLong();
  const { project, dead } = run();
  const before = await failures('timeout');
  for (let time = 0; time < 3; time++) {
    await expect(project()).rejects.toMatchObject({ code: '57014' });
    expect([await wamids(), dead()]).toEqual([[], []]);
  }
  expect(await failures('timeout')).toBe(before + 3);
  await project();
  expect(await wamids()).toEqual(['a', 'b', 'c']);
  expect(dead()).toMatchObject([
    {
      value: slow.value,
      headers: {
        [headers.dlqCause]: 'exhausted',
        [headers.errorMessage]:
          'the database does not write it within the statement timeout, also when it is alone',
      },
    },
  ]);
});

it('of a processor, whoever waits for a lock is ended before the statement is', async () => {
  const sql = `SELECT current_setting('lock_timeout')::interval AS lock, current_setting('statement_timeout')::interval AS statement`;
  expect(await database.dataSource.query(sql)).toMatchObject([
    { lock: { seconds: 20 }, statement: { seconds: 30 } },
  ]);
});

it('while somebody holds a table no record is to blame', async () => {
  const { project, dead } = run();
  const holding = database.dataSource.createQueryRunner();
  await holding.startTransaction();
  await holding.query('LOCK TABLE messages IN SHARE MODE');
  const before = await failures('unavailable');
  for (let time = 0; time < 5; time++) await expect(project()).rejects.toMatchObject({ code: '55P03' });
  expect(await failures('unavailable')).toBe(before + 5);
  await holding.rollbackTransaction();
  await holding.release();
  await project();
  expect([await wamids(), dead()]).toEqual([['a', 'b', 'c', 'slow'], []]);
});

it('in a database that is slow itself no record is to blame', async () => {
  await takesTooLong();
  await sleepOn('projection_checkpoints', 'UPDATE', 'true', 0.53);
  const { project, dead } = run();
  for (let time = 0; time < 5; time++) await expect(project()).rejects.toMatchObject({ code: '57014' });
  expect(dead()).toEqual([]);
  await database.dataSource.query('DROP TRIGGER sleeps ON projection_checkpoints');
  await database.dataSource.query('DROP TRIGGER sleeps ON messages');
  await project();
  expect([await wamids(), dead()]).toEqual([['a', 'b', 'c', 'slow'], []]);
});
