import { beginRebuild, createDataSource, promoteProjection } from '@talaria/database';
import { type KafkaRecord, NotWrittenError, type VerifiedProducer } from '@talaria/kafka';
import { register } from 'prom-client';
import { testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { Consumers } from '../consumers';
import { keepingProducer } from '../../testing/processor';
import { emptyReadModel } from '../../testing/read-model';
import { aBatch, aTextMessage, aWebhook, NUMBER, SECONDS, WABA } from '../../testing/records';

const DIGITS = '16505550000';

let database: TestDatabase;
let offset: number;
beforeAll(async () => (database = await testDatabase(1)));
afterAll(() => database.close());
beforeEach(async () => {
  offset = 0;
  await emptyReadModel(database.dataSource);
  await rows('TRUNCATE public.registry_changes, public.wabas, public.phone_numbers');
  await rows(`INSERT INTO public.wabas (waba_id, name) VALUES ('${WABA}', 'ours'), ('900', 'other')`);
  await rows(`INSERT INTO public.phone_numbers (phone_number_id, waba_id, display_phone_number)
              VALUES ('${NUMBER}', '${WABA}', '+1 650 555 0000'), ('901', '900', '+1 650 555 0000')`);
});

const rows = (text: string) => database.dataSource.query<Record<string, unknown>[]>(text);
const at = (seconds: number) => new Date((SECONDS + seconds) * 1000);
const ofAccount = (seconds: number, value: object, wabaId = WABA) =>
  aWebhook({ wabaId, field: 'account_update', time: SECONDS + seconds, value: { ...value } });
const ban = (seconds: number, state: string, wabaId?: string) =>
  ofAccount(seconds, { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: state } }, wabaId);
const disabled = (seconds: number) => ban(seconds, 'DISABLE');
const reinstated = (seconds: number) => ban(seconds, 'REINSTATE');
const restricted = (seconds: number, expiration: string) => {
  const end = Date.parse(expiration) / 1000;
  const info = [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: end }];
  return ofAccount(seconds, { event: 'ACCOUNT_RESTRICTION', restriction_info: info });
};
const ofNumber = (seconds: number, event: string) =>
  aWebhook({
    ...{ field: 'phone_number_quality_update', time: SECONDS + seconds },
    value: { display_phone_number: DIGITS, event, current_limit: 'TIER_1K' },
  });

/** One batch. */
async function told(records: readonly KafkaRecord[], producer: VerifiedProducer = keepingProducer()) {
  const consumers = new Consumers({ dataSource: database.dataSource, producer, logger: testLogger });
  await consumers.webhooks(aBatch(records, { firstOffset: offset }));
  offset += records.length;
}

async function theAccount(wabaId = WABA) {
  const [row] = await rows(`SELECT restricted_until, restricted_reason, paused_until, paused_reason
                            FROM public.wabas WHERE waba_id = '${wabaId}'`);
  return row;
}
const restriction = async () => (await theAccount())?.restricted_until;
const rate = async (id = NUMBER) => {
  const [row] = await rows(
    `SELECT messages_per_second FROM public.phone_numbers WHERE phone_number_id = '${id}'`,
  );
  return row?.messages_per_second;
};
const changes = () =>
  rows(
    'SELECT subject, change, changed_by, reason, until, changed_at FROM public.registry_changes ORDER BY changed_at, id',
  );

/** As a person does. */
const lift = () =>
  rows(`WITH lifted AS (UPDATE public.wabas SET restricted_until = NULL, restricted_reason = NULL WHERE waba_id = '${WABA}')
        INSERT INTO public.registry_changes (subject, change, changed_by, reason) VALUES ('wabas/${WABA}', 'lift', 'person:ana', 'appeal won')`);

const untouched = {
  restricted_until: null,
  restricted_reason: null,
  paused_until: null,
  paused_reason: null,
};

describe('an account', () => {
  it('that Meta disables is held back, with the reason and who, until it is reinstated', async () => {
    await told([disabled(0)]);
    expect(await theAccount()).toMatchObject({
      ...{ restricted_until: Infinity, restricted_reason: 'DISABLED_UPDATE, DISABLE' },
      paused_until: null,
    });
    await told([reinstated(1)]);
    expect(await theAccount()).toEqual(untouched);
    expect(await theAccount('900')).toEqual(untouched);
    const common = { subject: `wabas/${WABA}`, change: 'ban', changed_by: 'meta' };
    expect(await changes()).toEqual([
      { ...common, reason: 'DISABLED_UPDATE, DISABLE', until: Infinity, changed_at: at(0) },
      { ...common, reason: 'DISABLED_UPDATE, REINSTATE', until: null, changed_at: at(1) },
    ]);
  });

  it('that is restricted goes on at the end that Meta tells, and a ban meanwhile is a thing of its own', async () => {
    const end = new Date('2099-01-01T00:00:00Z');
    await told([restricted(0, '2098-01-01T00:00:00Z'), restricted(1, '2099-01-01T00:00:00Z')]);
    expect(await theAccount()).toMatchObject({
      ...{ restricted_until: end, restricted_reason: 'RESTRICTED_BIZ_INITIATED_MESSAGING' },
    });
    await told([disabled(2)]);
    expect(await restriction()).toBe(Infinity);
    await told([reinstated(3)]);
    expect(await restriction()).toEqual(end);
  });

  it('that a person has paused stays so, whatever Meta tells', async () => {
    await rows(`UPDATE public.wabas SET paused_until = 'infinity', paused_reason = 'invoice open'`);
    await told([disabled(0)]);
    await told([reinstated(1)]);
    expect(await theAccount()).toEqual({
      ...untouched,
      ...{ paused_until: Infinity, paused_reason: 'invoice open' },
    });
  });

  it('is as the newest news says, in whatever order and batches they come', async () => {
    await told([reinstated(5)]);
    await told([disabled(4)]);
    expect(await theAccount()).toEqual(untouched);
    await told([disabled(7), reinstated(6)]);
    expect(await restriction()).toBe(Infinity);
  });

  it.each([
    ['delivered again', () => told([disabled(0)])],
    [
      'read again from an empty read model',
      async () => {
        await emptyReadModel(database.dataSource);
        offset = 0;
        await told([disabled(0)]);
      },
    ],
    ['delivered late, though told before that', () => told([disabled(-5)])],
    [
      'followed by other news',
      () => told([ofAccount(9, { event: 'VERIFIED_ACCOUNT' }), ofNumber(9, 'FLAGGED')]),
    ],
  ])(
    'that a person has freed stays free when the news is %s; later news hold it back again',
    async (_, again) => {
      await told([disabled(0)]);
      await lift();
      await again();
      expect(await theAccount()).toEqual(untouched);
      const later = (Date.now() + 60_000) / 1000 - SECONDS;
      await told([{ ...restricted(later, '2099-01-01T00:00:00Z'), timestamp: Date.now() }]);
      expect(await restriction()).toEqual(new Date('2099-01-01T00:00:00Z'));
    },
  );

  it('that was freed without a word why stays free, too, when the log is read again', async () => {
    await told([disabled(0)]);
    await rows('UPDATE public.wabas SET restricted_until = NULL, restricted_reason = NULL');
    await emptyReadModel(database.dataSource);
    offset = 0;
    await told([disabled(0)]);
    expect(await theAccount()).toEqual(untouched);
  });

  it('that the registry does not know is kept in the read model as ever, and costs nothing', async () => {
    await told([ban(0, 'DISABLE', '404')]);
    expect(await rows(`SELECT ban_state FROM accounts WHERE waba_id = '404'`)).toEqual([
      { ban_state: 'DISABLE' },
    ]);
    expect(await changes()).toEqual([]);
  });
});

describe('a number', () => {
  it('that Meta upgrades may send 1000 a second, its namesake of another account does not', async () => {
    await told([ofNumber(0, 'THROUGHPUT_UPGRADE')]);
    expect([await rate(), await rate('901')]).toEqual([1000, 80]);
    expect(await changes()).toMatchObject([
      {
        ...{ subject: `phone_numbers/${NUMBER}`, change: 'rate', changed_by: 'meta', changed_at: at(0) },
        reason: 'THROUGHPUT_UPGRADE, from 80 to 1000',
      },
    ]);
    await rows(`UPDATE public.phone_numbers SET messages_per_second = 80`);
    await told([ofNumber(0, 'THROUGHPUT_UPGRADE')]);
    expect(await rate()).toBe(80);
  });

  it('keeps the rate that a person has set', async () => {
    await rows(`UPDATE public.phone_numbers SET messages_per_second = 20`);
    await told([ofNumber(0, 'THROUGHPUT_UPGRADE')]);
    expect(await rate()).toBe(20);
    await rows(`UPDATE public.phone_numbers SET messages_per_second = 80`);
    await rows(`INSERT INTO public.registry_changes (subject, change, changed_by, reason)
                VALUES ('phone_numbers/${NUMBER}', 'rate', 'person:ana', 'neighbours')`);
    await told([ofNumber(1, 'THROUGHPUT_UPGRADE')]);
    expect(await rate()).toBe(80);
    expect((await changes()).map(({ reason }) => reason)).toEqual([
      'THROUGHPUT_UPGRADE, stays at 20',
      'THROUGHPUT_UPGRADE, stays at 80',
      'neighbours',
    ]);
  });

  it('that is registered under other digits is known by those that its messages show', async () => {
    await rows(`UPDATE public.phone_numbers SET display_phone_number = 'front desk'`);
    await told([ofNumber(0, 'FLAGGED')]);
    expect(await changes()).toEqual([]);
    await told([aWebhook({ value: { messages: [aTextMessage()] } })]);
    await told([ofNumber(1, 'FLAGGED')]);
    expect(await changes()).toMatchObject([{ change: 'quality', changed_at: at(1) }]);
  });

  it('whose quality changes has that kept with its time and counted, once', async () => {
    const counted = async () => {
      const text = await register.getSingleMetricAsString('talaria_number_quality_changes_total');
      const all = [...text.matchAll(/\{quality="(.+)"\} (\d+)/g)];
      return Object.fromEntries(all.map(([, quality, count]) => [quality, Number(count)])) as Record<
        string,
        number
      >;
    };
    const before = await counted();
    await told([ofNumber(0, 'FLAGGED'), ofNumber(1, 'SOMETHING_NEW')]);
    await told([ofNumber(0, 'FLAGGED'), ofNumber(0, 'THROUGHPUT_UPGRADE')]);
    const after = await counted();
    expect(after).toEqual({ ...before, flagged: before.flagged! + 1, other: before.other! + 1 });
    expect(await changes()).toMatchObject([
      { change: 'quality', reason: 'FLAGGED, TIER_1K', changed_at: at(0) },
      { change: 'rate' },
      { change: 'quality', reason: 'SOMETHING_NEW, TIER_1K', changed_at: at(1) },
    ]);
  });
});

it('what was rolled back has changed nothing, and what is split is done once', async () => {
  const producer = keepingProducer();
  const failing = (error: Error, of: string): VerifiedProducer => ({
    ...producer,
    send: (record) =>
      record.headers?.ce_id?.endsWith(of) === true ? Promise.reject(error) : producer.send(record),
  });
  const records = [disabled(0), aWebhook({ value: { messages: [aTextMessage({ id: 'wamid.x' })] } })];
  await expect(told(records, failing(new Error('crashed'), '/wamid.x'))).rejects.toThrow('crashed');
  expect([await theAccount(), await changes()]).toEqual([untouched, []]);
  await told(records, failing(new NotWrittenError('refused', 'too large'), '/wamid.x'));
  expect(await restriction()).toBe(Infinity);
  expect(await changes()).toHaveLength(1);
});

it('only the live version acts, and one that is promoted does nothing over again', async () => {
  const own = await testDatabase();
  const { dataSource } = own;
  const versions = [1, 2].map((version) =>
    createDataSource({ DATABASE_URL: own.url, DATABASE_POOL_SIZE: 2 }, version),
  );
  try {
    await dataSource.query(`INSERT INTO wabas (waba_id, name) VALUES ('${WABA}', 'ours')`);
    await beginRebuild(dataSource);
    const [first, second] = versions.map(
      (one) => new Consumers({ dataSource: one, producer: keepingProducer(), logger: testLogger }),
    );
    await Promise.all(versions.map((one) => one.initialize()));
    const batch = aBatch([disabled(0), reinstated(1), disabled(2)]);
    const told = () => dataSource.query<unknown[]>('SELECT change, changed_at FROM registry_changes');
    await first!.webhooks(batch);
    expect(await told()).toHaveLength(3);
    await dataSource.query('TRUNCATE registry_changes');
    await second!.webhooks(batch);
    expect(await told()).toEqual([]);
    await promoteProjection(dataSource, 2);
    await second!.webhooks(aBatch([disabled(2), restricted(3, '2099-01-01T00:00:00Z')], { firstOffset: 3 }));
    expect(await told()).toEqual([{ change: 'restriction', changed_at: at(3) }]);
  } finally {
    await Promise.all(versions.filter((one) => one.isInitialized).map((one) => one.destroy()));
    await own.close();
  }
});
