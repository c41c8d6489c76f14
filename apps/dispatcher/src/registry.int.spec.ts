import { eventually, testDatabase, type TestDatabase, testLogger } from '../../../test/kit';
import { openRegistry, type Registry } from './registry';

let database: TestDatabase;
let registry: Registry;
let readings = 0;
const query = (text: string) => database.dataSource.query<unknown>(text);

beforeAll(async () => {
  database = await testDatabase();
  registry = await openRegistry(database.dataSource, 100, testLogger, () => readings++);
});
afterAll(async () => {
  registry.close();
  await database.close();
});

it('follows within a second what is registered, paused and deleted', async () => {
  await query(`INSERT INTO wabas (waba_id, name) VALUES ('900', 'one')`);
  await query(`INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number, access_token, paused_until)
               VALUES ('100', '900', '', 't', 'infinity')`);
  const from = performance.now();
  await eventually(() => expect(registry.find('100')?.pausedUntil).toBe(Infinity));
  expect(performance.now() - from).toBeLessThan(1500);
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
  await query(`INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number, access_token)
               VALUES ('200', '900', '', 't'), ('300', '900', '', 't')`);
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
