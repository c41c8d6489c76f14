import { parseCallbackData, projectionGroup, retryTiers, type SendMessage, topics } from '@talaria/contracts';
import { createDataSource, sumProjection, type TableSum } from '@talaria/database';
import { createKafka } from '@talaria/kafka';
import { type Admin } from 'kafkajs';
import { checkWebhooks } from '../tools/platform/check-platform';
import { createDatabase, dropDatabase, grantRoles, query } from '../tools/platform/database';
import { type Platform } from '../tools/platform/platform';
import { prepareDatabase } from '../tools/setup/prepare';
import { eventually, kafkaConfigOf, publish, readAll, required, testLogger, testPlatform } from './kit';

const number = (id: string) => ({
  ...{ wabaId: `86000${id}`, phoneNumberId: `87000${id}`, displayPhoneNumber: `+1 555 010 960${id}` },
  accessToken: 'restore-token',
});
const busy = number('1');
const paused = number('2');
const SENT = 40;
const PARKED = 60;
const INBOUND = 60;
const settings = {
  DISPATCH_MAX_QUEUED: '10',
  GRAPH_API_TIMEOUT: '60s',
  UNKNOWN_CHECK_INTERVAL: '500ms',
  UNKNOWN_WAIT: '8s',
  KAFKA_SESSION_TIMEOUT: '6s',
};

/** What docs/operations/backup.md says for a database that is lost, without any backup of it. */
describe('Postgres lost, and rebuilt from Kafka', () => {
  let platform: Platform;
  let admin: Admin;

  beforeAll(async () => {
    platform = await testPlatform('restore', { dispatcher: settings });
    await addNumbers(inAnHour());
    admin = createKafka(kafkaConfigOf(platform), 'test', testLogger).admin();
    await admin.connect();
  }, 120_000);

  afterAll(async () => {
    await admin.disconnect();
    await platform.stop();
  }, 60_000);

  /** Of a number that is slow little is held in memory. */
  async function addNumbers(pausedUntil?: string): Promise<void> {
    await platform.addNumber(busy);
    const rest = pausedUntil === undefined ? {} : { messagesPerSecond: 1, pausedUntil };
    await platform.addNumber({ ...paused, ...rest });
  }

  const group = (name: string) => platform.kafkaPrefix + name;
  const topic = (name: string) => platform.kafkaPrefix + name;
  const count = async (sql: string) =>
    Number((await query<{ count: string }>(platform.databaseUrl, sql))[0]?.count);
  const told = async () => (await readAll(kafkaConfigOf(platform), topics.events.name)).length;
  const letters = () =>
    query<{ cause: string; command_id: string | null }>(
      platform.databaseUrl,
      'SELECT cause, command_id FROM dead_letters ORDER BY topic, partition, record_offset',
    );
  const sentIds = async () =>
    (await platform.simulator.accepted()).map(
      ({ callbackData }) => parseCallbackData(callbackData)?.commandId,
    );

  async function sums(): Promise<TableSum[]> {
    const dataSource = createDataSource({ DATABASE_URL: platform.databaseUrl, DATABASE_POOL_SIZE: 2 });
    await dataSource.initialize();
    return sumProjection(dataSource, 1).finally(() => dataSource.destroy());
  }

  /** A message that was answered is on its way to being read. */
  const untilSettled = () =>
    eventually(async () => {
      expect((await platform.simulator.stats()).webhooks.waiting).toBe(0);
      expect(await count(`SELECT count(*) FROM messages WHERE status = 'read'`)).toBe(SENT + 1);
      expect((await platform.simulator.traffic()).acknowledged).toBe(INBOUND);
      const acknowledged = await platform.simulator.acknowledged();
      expect(await checkWebhooks(platform.databaseUrl, acknowledged)).toMatchObject({ lost: 0 });
      expect(await count(`SELECT count(*) FROM commands WHERE state = 'accepted'`)).toBe(SENT);
      expect(await letters()).toHaveLength(1);
    }, 40_000);

  /** Kafka takes new offsets of a group that has no members; one that was killed is missed after its session timeout. */
  async function readAgain(groupId: string, names: readonly string[]): Promise<void> {
    await eventually(async () => {
      const { groups } = await admin.describeGroups([group(groupId)]);
      expect(groups.flatMap(({ members }) => members)).toEqual([]);
    }, 20_000);
    for (const name of names)
      await admin.resetOffsets({ groupId: group(groupId), topic: topic(name), earliest: true });
  }

  /** What was told before is projected and not told again. */
  async function tellFrom(committed: Awaited<ReturnType<Admin['fetchOffsets']>>): Promise<void> {
    for (const { topic: name, partitions } of committed)
      for (const { partition, offset } of partitions)
        if (Number(offset) > 0)
          await query(
            platform.databaseUrl,
            'INSERT INTO projection_1.projection_checkpoints (topic, partition, next_offset, publish_from) VALUES ($1, $2, 0, $3)',
            [name.slice(platform.kafkaPrefix.length), partition, offset],
          );
  }

  it('the read model and the index of dead letters are the same, no event is told again, and nothing is sent twice or forgotten', async () => {
    const { apps, simulator, databaseUrl } = platform;
    const commands = [
      ...Array.from({ length: SENT }, (_, index) => aCommand(busy, `sent-${index}`, index)),
      ...Array.from({ length: PARKED }, (_, index) => aCommand(paused, `parked-${index}`, index)),
    ];
    const cutOff = aCommand(busy, 'cut-off');
    await simulator.addFault({
      match: { callbackData: `talaria/${cutOff.id}/1` },
      answer: { hang: true, accept: true },
    });
    await publishAll([...commands, cutOff]);
    await publish(platform, topics.outbound.name, [{ key: busy.wabaId, value: 'no command' }]);
    await simulator.startTraffic({
      ...{ perSecond: 30, count: INBOUND, senders: 20, phoneNumberIds: [busy.phoneNumberId] },
    });
    await untilSettled();
    await eventually(async () =>
      expect(await count('SELECT count(*) FROM dispatch_backlog')).toBeGreaterThan(PARKED / 2),
    );

    // The dispatcher goes with the database, in the middle of a call.
    await apps.dispatcher.kill();
    expect([await apps.ingestion.stop(), await apps.processor.stop()]).toEqual([
      'exit code 0',
      'exit code 0',
    ]);
    const before = {
      sums: await sums(),
      letters: await letters(),
      told: await told(),
      sent: await sentIds(),
    };
    expect(before.sent).toHaveLength(SENT + 1);
    await dropDatabase(required('DATABASE_URL'), databaseUrl);
    await createDatabase(required('DATABASE_URL'), new URL(databaseUrl).pathname.slice(1));
    await prepareDatabase(databaseUrl);
    await grantRoles(databaseUrl);
    await addNumbers();
    const names = [topics.webhooks.name, topics.dispatches.name];
    await tellFrom(
      await admin.fetchOffsets({ groupId: group(projectionGroup(1)), topics: names.map(topic) }),
    );
    await readAgain('talaria.dead-letters', [topics.outboundDlq.name, topics.webhooksDlq.name]);
    await readAgain('talaria.dispatcher', [
      topics.outbound.name,
      ...retryTiers.map((tier) => tier.topic.name),
    ]);

    await apps.processor.start();
    await eventually(async () => expect(await sums()).toEqual(before.sums), 30_000);
    await eventually(async () => expect(await letters()).toEqual(before.letters));
    expect(await told()).toBe(before.told);

    apps.dispatcher.options.env.LEDGER_COMPLETE_FROM = new Date().toISOString();
    await Promise.all([apps.ingestion.start(), apps.dispatcher.start()]);
    const fresh = aCommand(busy, 'fresh');
    await publishAll([fresh]);
    await eventually(async () => {
      const rows = await query<{ id: string; state: string }>(
        databaseUrl,
        'SELECT command_id AS id, state FROM dispatch_commands',
      );
      const wanted = [...commands, cutOff, fresh].map(({ id, onUnknown }) => ({
        id,
        // Nobody can say of those that they were not sent; who said that they may be sent again is.
        state: id.startsWith('parked') && onUnknown !== 'resend' ? 'dead-lettered' : 'accepted',
      }));
      const byId = (one: { id: string }, other: { id: string }) => (one.id < other.id ? -1 : 1);
      expect(rows.sort(byId)).toEqual(wanted.sort(byId));
    }, 60_000);
    const sent = await sentIds();
    const resent = commands.filter(({ onUnknown }) => onUnknown === 'resend').map(({ id }) => id);
    expect(sent.sort()).toEqual([...before.sent, ...resent, fresh.id].sort());
    await eventually(async () =>
      // One for each that is in doubt; and what is no command was read again, too.
      expect(await letters()).toHaveLength(2 + PARKED - resent.length),
    );
  }, 200_000);

  const publishAll = (commands: readonly SendMessage[]) =>
    publish(
      platform,
      topics.outbound.name,
      commands.map((command) => ({ key: command.wabaId, value: JSON.stringify(command) })),
    );
});

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

/** One in six of those that wait may be sent again. */
function aCommand({ wabaId, phoneNumberId }: ReturnType<typeof number>, id: string, place = 99): SendMessage {
  return {
    ...{ id, wabaId, phoneNumberId, to: `+4915162${String(10_000 + place)}` },
    message: { type: 'text', text: { body: `message ${id}` } },
    ...(id.startsWith('parked') && place % 6 === 0 && { onUnknown: 'resend' as const }),
  };
}
