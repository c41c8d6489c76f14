import { formatCallbackData } from '@talaria/contracts';
import { beginRebuild, createDataSource, sqlOf } from '@talaria/database';
import { type KafkaRecord, type VerifiedProducer } from '@talaria/kafka';
import { register } from 'prom-client';
import { eventually, testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { keepingProducer } from '../../testing/processor';
import { emptyReadModel } from '../../testing/read-model';
import { aBatch, aDispatch, aStatus, aTextMessage, aWebhook, SECONDS } from '../../testing/records';
import { Consumers } from '../consumers';
import { watchFigures } from '../watch-figures';

let database: TestDatabase;
let before: Map<string, number>;
let offset: { webhooks: number; dispatches: number };
beforeAll(async () => (database = await testDatabase(1)));
afterAll(() => database.close());
beforeEach(async () => {
  await emptyReadModel(database.dataSource);
  offset = { webhooks: 0, dispatches: 0 };
  before = await readAll();
});

async function readAll(): Promise<Map<string, number>> {
  const lines = (await register.metrics()).split('\n');
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

/** What has been counted since the test began: the lines of these metrics that have changed. */
async function counted(...names: string[]): Promise<Record<string, number>> {
  const changes = [...(await readAll())].map(
    ([line, value]) => [line, value - (before.get(line) ?? 0)] as const,
  );
  return Object.fromEntries(
    changes.filter(
      ([line, change]) => change > 0 && names.some((name) => line.startsWith(`talaria_${name}{`)),
    ),
  );
}

/** One batch. */
async function told(
  topic: 'webhooks' | 'dispatches',
  records: readonly KafkaRecord[],
  producer: VerifiedProducer = keepingProducer(),
): Promise<void> {
  const consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
  await consumers[topic](aBatch(records, { topic: `whatsapp.${topic}`, firstOffset: offset[topic] }));
  offset[topic] += records.length;
}

const at = (seconds: number) => String(SECONDS + seconds);
const status = (what: string, seconds: number, fields: object = {}) =>
  aWebhook({ value: { statuses: [aStatus({ status: what, timestamp: at(seconds), ...fields })] } });
const ofAttempt = (attempt: number) => ({
  biz_opaque_callback_data: formatCallbackData({ commandId: 'command-1', attempt }),
});
const accepted = (seconds: number, fields: object = {}) =>
  aDispatch({
    ...{ state: 'accepted', time: new Date((SECONDS + seconds) * 1000).toISOString() },
    data: {
      wamid: 'wamid.out',
      to: '+16505551234',
      message: { type: 'text', text: { body: 'x' } },
      ...fields,
    },
  });

it('everything is counted once, by what it is, when it is told for the first time', async () => {
  const records = [
    aWebhook({ value: { messages: [aTextMessage()] } }),
    ...[
      status('sent', 1),
      status('delivered', 2),
      status('failed', 3),
      status('delivered', 4, { id: 'wamid.other' }),
    ],
    status('delivered', 5, {
      id: 'wamid.group',
      recipient_type: 'group',
      recipient_participant_id: '16505551111',
    }),
    aWebhook({
      field: 'phone_number_quality_update',
      value: { display_phone_number: '1', event: 'FLAGGED' },
    }),
    aWebhook({
      field: 'message_template_status_update',
      value: { event: 'APPROVED', message_template_id: 7 },
    }),
    aWebhook({ field: 'account_update', value: { event: 'VERIFIED_ACCOUNT' } }),
    aWebhook({ value: { messages: [{ from: '1', type: 'text' }] } }),
  ];
  await told('webhooks', records);
  await told('webhooks', [...records, ...records]);
  await told('dispatches', [accepted(0), accepted(0)]);
  expect(
    await counted(
      'projection_items_total',
      'messages_total',
      'message_statuses_total',
      'schema_mismatches_total',
    ),
  ).toEqual({
    'talaria_projection_items_total{kind="message"}': 1,
    'talaria_projection_items_total{kind="status"}': 5,
    'talaria_projection_items_total{kind="number"}': 1,
    'talaria_projection_items_total{kind="template"}': 1,
    'talaria_projection_items_total{kind="account"}': 1,
    'talaria_projection_items_total{kind="unknown"}': 1,
    'talaria_schema_mismatches_total{field="messages"}': 1,
    'talaria_messages_total{direction="in"}': 1,
    'talaria_messages_total{direction="out"}': 1,
    'talaria_message_statuses_total{status="sent"}': 1,
    'talaria_message_statuses_total{status="delivered"}': 2,
    'talaria_message_statuses_total{status="failed"}': 1,
  });
});

it('a batch that fails counts nothing before it is projected after all, and then once', async () => {
  const away: VerifiedProducer = { ...keepingProducer(), send: () => Promise.reject(new Error('away')) };
  const records = [aWebhook({ value: { messages: [aTextMessage()] } })];
  await expect(told('webhooks', records, away)).rejects.toThrow('away');
  expect(await counted('messages_total')).toEqual({});
  await told('webhooks', records);
  expect(await counted('messages_total')).toEqual({ 'talaria_messages_total{direction="in"}': 1 });
});

it.each(['the acceptance', 'the statuses'])(
  'how long a message took is known, once, with %s told first',
  async (first) => {
    const acceptance = () => told('dispatches', [accepted(-0.5), accepted(-0.5)]);
    const statuses = () =>
      told('webhooks', [
        status('sent', -1, ofAttempt(2)),
        status('delivered', 3, ofAttempt(2)),
        status('delivered', 3),
      ]);
    await (first === 'the acceptance' ? acceptance() : statuses());
    await (first === 'the acceptance' ? statuses() : acceptance());
    await told('webhooks', [status('delivered', 3, ofAttempt(2))]);
    expect(
      await counted('send_to_status_seconds_sum', 'send_to_status_seconds_count', 'messages_delivered_total'),
    ).toEqual({
      // It was sent within the second in which it was accepted: Meta tells no fractions.
      'talaria_send_to_status_seconds_count{status="sent"}': 1,
      'talaria_send_to_status_seconds_count{status="delivered"}': 1,
      'talaria_send_to_status_seconds_sum{status="delivered"}': 3.5,
      'talaria_messages_delivered_total{attempt="retried"}': 1,
    });
  },
);

it('a delivery tells whether the first attempt carried it, if it was for a command', async () => {
  await told('webhooks', [
    status('delivered', 0, { id: 'wamid.1', ...ofAttempt(1) }),
    status('delivered', 0, { id: 'wamid.2', ...ofAttempt(3) }),
    status('delivered', 0, { id: 'wamid.3' }),
  ]);
  expect(await counted('messages_delivered_total')).toEqual({
    'talaria_messages_delivered_total{attempt="first"}': 1,
    'talaria_messages_delivered_total{attempt="retried"}': 1,
  });
});

it('a version that is not live counts nothing', async () => {
  const own = await testDatabase();
  const building = createDataSource({ DATABASE_URL: own.url, DATABASE_POOL_SIZE: 2 }, 2);
  try {
    await beginRebuild(own.dataSource);
    const live = createDataSource({ DATABASE_URL: own.url, DATABASE_POOL_SIZE: 2 }, 1);
    const batch = aBatch([aWebhook({ value: { messages: [aTextMessage()] } })]);
    for (const dataSource of [live, building]) {
      await dataSource.initialize();
      await new Consumers({ dataSource, producer: keepingProducer(), logger: testLogger }).webhooks(batch);
    }
    await live.destroy();
    expect(await counted('messages_total', 'projection_items_total')).toEqual({
      'talaria_messages_total{direction="in"}': 1,
      'talaria_projection_items_total{kind="message"}': 1,
    });
  } finally {
    if (building.isInitialized) await building.destroy();
    await own.close();
  }
});

it('figures of the read model show numbers by their quality, and messages that no status has come for', async () => {
  const minutesAgo = (minutes: number) => (Date.now() - minutes * 60_000) / 1000 - SECONDS;
  const quality = (digits: string, event: string) =>
    aWebhook({ field: 'phone_number_quality_update', value: { display_phone_number: digits, event } });
  await told('webhooks', [
    quality('1', 'FLAGGED'),
    quality('2', 'FLAGGED'),
    quality('3', 'NEWS_OF_TOMORROW'),
  ]);
  await told(
    'dispatches',
    [5, 20, 21, 40].map((minutes) =>
      accepted(minutesAgo(minutes), { wamid: `wamid.${minutes}`, commandId: `command-${minutes}` }),
    ),
  );
  const now = { timestamp: Date.now(), headers: {} };
  const sent = aStatus({ id: 'wamid.21', timestamp: at(Math.round(minutesAgo(21))) });
  await told('webhooks', [aWebhook({ value: { statuses: [sent] } }, now)]);
  const figures = watchFigures(sqlOf(database.dataSource), testLogger, 20);
  await eventually(async () =>
    expect(Object.fromEntries(await readAll())).toMatchObject({
      'talaria_number_quality{quality="flagged"}': 2,
      'talaria_number_quality{quality="unflagged"}': 0,
      'talaria_number_quality{quality="other"}': 1,
      talaria_statuses_expected: 2,
      talaria_statuses_missing: 1,
    }),
  );
  await figures.close();
});
