import { type Sql, sqlOf } from '@talaria/database';
import { eventually, testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { translateWebhook } from '../webhooks/translate-webhook';
import { headers } from '@talaria/contracts';
import { aRecord, aTextMessage, aWebhook, NUMBER } from '../../testing/records';
import { reportInbound } from './report-inbound';

let database: TestDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await testDatabase();
  sql = sqlOf(database.dataSource);
});
afterAll(() => database.close());

function aMessageOfNow() {
  const { value } = aWebhook({ value: { messages: [aTextMessage()] } });
  const record = aRecord({ value, headers: { [headers.receivedAt]: new Date().toISOString() } });
  return translateWebhook(record)!;
}

const rates = () =>
  sql<{ phone_number_id: string; per_second: number }>(
    'SELECT phone_number_id, per_second FROM inbound_rates',
  );

it('tells how much a number receives, then that it receives nothing more; what others have left is cleared away', async () => {
  await sql(`INSERT INTO inbound_rates VALUES ('1', gen_random_uuid(), 5, now() - interval '1 hour')`);
  const inbound = reportInbound(sql, testLogger);
  inbound.count(Array.from({ length: 50 }, aMessageOfNow));
  const [told] = await eventually(async () => {
    const rows = await rates();
    expect(rows).toMatchObject([{ phone_number_id: NUMBER }]);
    return rows;
  });
  expect(told!.per_second).toBeGreaterThan(20);
  expect(told!.per_second).toBeLessThanOrEqual(51);
  await eventually(async () =>
    expect(await rates()).toMatchObject([{ phone_number_id: NUMBER, per_second: 0 }]),
  );
  await inbound.close();
});

it('goes on when nobody can be told', async () => {
  let calls = 0;
  const failing: Sql = () => (calls++, Promise.reject(new Error('away')));
  const inbound = reportInbound(failing, testLogger);
  inbound.count([aMessageOfNow()]);
  await eventually(() => expect(calls).toBe(3));
  await inbound.close();
});
