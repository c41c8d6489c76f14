import { topics } from '@talaria/contracts';
import { type KafkaRecord, type VerifiedProducer } from '@talaria/kafka';
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
import {
  aStatus,
  aTextMessage,
  aWebhook,
  NUMBER,
  PHONE,
  SECONDS,
  USER_ID,
  WABA,
  type Notification,
} from '../../testing/records';

let kafka: TestKafka;
let database: TestDatabase;
let processor: RunningProcessor;
/** What happens between the publishing of the next events and the commit. */
let afterPublishing: (() => Promise<void>) | undefined;

beforeAll(async () => {
  [kafka, database] = await Promise.all([
    testKafka([topics.webhooks.name, topics.webhooksDlq.name, topics.events.name]),
    testDatabase(1),
  ]);
  const around = (producer: VerifiedProducer): VerifiedProducer => ({
    ...producer,
    async send(record) {
      const written = await producer.send(record);
      const intervene = afterPublishing;
      afterPublishing = undefined;
      await intervene?.();
      return written;
    },
  });
  processor = await runProcessor({
    config: kafka.config,
    dataSource: database.dataSource,
    logger: testLogger,
    around,
  });
}, 60_000);

afterAll(async () => {
  await processor.close();
  await database.close();
  await kafka.close();
});

async function publish(notification: Notification): Promise<void> {
  const { value } = aWebhook(notification);
  await processor.producer.send({ topic: topics.webhooks.name, key: PHONE, value });
}

/** The events about one wamid, once the records published so far are projected. */
async function eventsAbout(wamid: string): Promise<KafkaRecord[]> {
  const marker = `marker-${wamid}`;
  await publish({ value: { messages: [aTextMessage({ id: marker })] } });
  await eventually(async () => {
    const found = await database.dataSource.query<unknown[]>('SELECT wamid FROM messages WHERE wamid = $1', [
      marker,
    ]);
    expect(found).toHaveLength(1);
  });
  const all = await kafka.readAll(topics.events.name);
  return all.filter(({ headers }) => headers.ce_id?.startsWith(`${NUMBER}/${wamid}`));
}

it('a fact is told once, keyed by the person, however often Meta tells it', async () => {
  const message = aTextMessage({ id: 'wamid.1', from: `+${PHONE}`, from_user_id: USER_ID });
  await publish({ value: { messages: [message] } });
  await publish({ value: { messages: [message, message] } });
  await publish({ value: { statuses: [aStatus({ id: 'wamid.1' })] } });
  await publish({ value: { statuses: [aStatus({ id: 'wamid.1', timestamp: String(SECONDS - 1) })] } });
  const events = await eventsAbout('wamid.1');
  expect(events.map(({ key, headers }) => [String(key), headers.ce_id])).toEqual([
    [PHONE, `${NUMBER}/wamid.1`],
    [PHONE, `${NUMBER}/wamid.1/sent/-`],
  ]);
  expect(events[0]?.headers).toMatchObject({
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_type: 'whatsapp.message.received.v1',
    ce_source: 'talaria/processor',
    ce_subject: NUMBER,
    ce_time: new Date(SECONDS * 1000).toISOString(),
  });
  expect(JSON.parse(events[0]!.value!.toString())).toMatchObject({ wabaId: WABA, wamid: 'wamid.1', message });
});

it('messages of one batch are told in the order of the log', async () => {
  const ids = ['wamid.order-9', 'wamid.order-10', 'wamid.order-11', 'wamid.order-8'];
  await publish({ value: { messages: ids.map((id) => aTextMessage({ id })) } });
  const events = await eventsAbout('wamid.order');
  expect(events.map(({ headers }) => headers.ce_id)).toEqual(ids.map((id) => `${NUMBER}/${id}`));
});

it('a message with half a surrogate pair in its id is told', async () => {
  await publish({ value: { messages: [aTextMessage({ id: 'wamid.half\uD83D' })] } });
  expect(await eventsAbout('wamid.half')).toHaveLength(1);
});

it('when the transaction fails after the events left, they are told again under the same id, and the rows are there', async () => {
  afterPublishing = async () => {
    const ended = await query(
      required('DATABASE_URL'),
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND state = 'idle in transaction'`,
      [new URL(database.url).pathname.slice(1)],
    );
    expect(ended).toHaveLength(1);
  };
  await publish({ value: { messages: [aTextMessage({ id: 'wamid.2' })] } });
  const events = await eventsAbout('wamid.2');
  expect(events.map(({ headers }) => headers.ce_id)).toEqual([`${NUMBER}/wamid.2`, `${NUMBER}/wamid.2`]);
  const rows = await database.dataSource.query<unknown[]>(
    `SELECT wamid FROM messages WHERE wamid = 'wamid.2'`,
  );
  expect(rows).toHaveLength(1);
});
