import { topics } from '@talaria/contracts';
import {
  eventually,
  required,
  testDatabase,
  type TestDatabase,
  testKafka,
  type TestKafka,
  testLogger,
} from '../../../../test/kit';
import { query } from '../../../../tools/platform/database';
import { runProcessor, type RunningProcessor } from '../../testing/processor';
import { aTextMessage, aWebhook, PHONE } from '../../testing/records';

let kafka: TestKafka;
let database: TestDatabase;
let processor: RunningProcessor;
const failures: unknown[] = [];

beforeAll(async () => {
  [kafka, database] = await Promise.all([
    testKafka([topics.webhooks.name, topics.webhooksDlq.name, topics.events.name]),
    testDatabase(1),
  ]);
  const logger = testLogger.child({}, { level: 'error' });
  logger.error = (fields: unknown) => void failures.push(fields);
  processor = await runProcessor({ config: kafka.config, dataSource: database.dataSource, logger });
}, 60_000);

afterAll(async () => {
  await processor.close();
  await database.close();
  await kafka.close();
});

const name = () => new URL(database.url).pathname.slice(1);
const admin = (sql: string, parameters: string[] = []) => query(required('DATABASE_URL'), sql, parameters);

async function takeAway(): Promise<void> {
  await admin(`ALTER DATABASE ${name()} ALLOW_CONNECTIONS false`);
  await admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, [name()]);
}

const giveBack = () => admin(`ALTER DATABASE ${name()} ALLOW_CONNECTIONS true`);

const publish = (id: string) =>
  processor.producer.send({
    topic: topics.webhooks.name,
    key: PHONE,
    value: aWebhook({ value: { messages: [aTextMessage({ id })] } }).value,
  });

const wamids = async () => {
  const rows = await database.dataSource.query<{ wamid: string }[]>('SELECT wamid FROM messages ORDER BY 1');
  return rows.map(({ wamid }) => wamid);
};

it('while the database is away nothing is given up, and all of it is projected when it is back', async () => {
  await publish('a');
  await eventually(async () => expect(await wamids()).toEqual(['a']));
  await takeAway();
  await Promise.all(['b', 'c', 'd'].map(publish));
  await eventually(() => expect(failures.length).toBeGreaterThan(1));
  await giveBack();
  await eventually(async () => expect(await wamids()).toEqual(['a', 'b', 'c', 'd']), 40_000);
  expect(await kafka.readAll(topics.webhooksDlq.name)).toEqual([]);
}, 60_000);
