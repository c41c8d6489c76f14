import { randomUUID } from 'node:crypto';
import { cloudEventHeaders, type DomainEvent, headers, type SendMessage, topics } from '@talaria/contracts';
import { createKafka } from '@talaria/kafka';
import { eventually, kafkaConfigOf, publish, testLogger, testPlatform } from '../../../../test/kit';
import { type Platform } from '../../../../tools/platform/platform';
import {
  aCommand,
  commandIdOf,
  type DispatcherRig,
  type NewNumber,
  recordOf,
  startDispatcherRig,
  storyOf,
} from '../../testing/dispatcher-rig';

const origin = { topic: topics.outbound.name };

let platform: Platform;
let rig: DispatcherRig;

beforeAll(async () => {
  const env = {
    RETRY_SCHEDULE: '100ms',
    RETRY_SCHEDULE_UNAVAILABLE: '100ms',
    RETRY_SCHEDULE_FAILED: '500ms 500ms',
    RETRY_JITTER_PERCENT: '0',
    UNKNOWN_CHECK_INTERVAL: '3s',
  };
  platform = await testPlatform('failures', { dispatcher: env });
  rig = await startDispatcherRig(platform, kafkaConfigOf(platform), testLogger);
}, 60_000);

afterAll(async () => {
  await rig.close();
  await platform.stop();
}, 60_000);

const counted = (result: string) => rig.counter(`talaria_dispatch_failed_statuses_total{result="${result}"}`);

const typesOf = ({ id }: SendMessage) =>
  rig.eventsOf(id).map(({ type }) => type.replace('whatsapp.dispatch.', '').replace('.v1', ''));

const untilTold = (command: SendMessage, types: readonly string[]) =>
  eventually(() => {
    expect(typesOf(command)).toEqual(types);
    return rig.eventsOf(command.id);
  }, 30_000);

const attemptsAccepted = async (number: NewNumber) =>
  (await rig.accepted(number)).map(({ callbackData }) => callbackData?.split('/').at(-1));

/** Meta takes the next messages of the number, and then tells of each that it failed. */
const failNext = ({ phoneNumberId }: NewNumber, code: number, times: number | null = 1) =>
  platform.simulator.addFault({ match: { phoneNumberId }, times, answer: { failedStatus: code } });

/** The event of a failed status, as the processor tells it. */
function tellFailed(command: SendMessage, wamid: string, code = 131016, attempt = 1): Promise<void> {
  const { wabaId, phoneNumberId, id: commandId } = command;
  const time = new Date().toISOString();
  const event: DomainEvent = {
    ...{ id: `${phoneNumberId}/${wamid}/failed/-`, type: 'whatsapp.message.status.v1', time },
    ...{ source: 'talaria/processor', subject: phoneNumberId },
    data: {
      ...{ wabaId, phoneNumberId, wamid, status: 'failed', timestamp: time, recipient: {} },
      ...{ commandId, attempt, error: { code, title: 'why' } },
    },
  };
  const [key, value] = [command.to ?? '', JSON.stringify(event.data)];
  return publish(platform, topics.events.name, [{ key, value, headers: cloudEventHeaders(event) }]);
}

const ledgerRow = async ({ id }: SendMessage) => {
  const [row] = await rig.sql<{ state: string; version: number; attempts: number }>(
    'SELECT state, version, attempts FROM dispatch_commands WHERE command_id = $1',
    [id],
  );
  return row;
};

describe('a message that fails, after Meta had taken it,', () => {
  it('for now, is sent once more under the same command, and delivered', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number, { metadata: { order: '42' } });
    const record = recordOf(command);
    const before = await counted('retried');
    await failNext(number, 131016);
    await rig.publish([{ ...record, headers: { 'x-own': 'kept' } }]);
    const [first, retrying, second] = await untilTold(command, ['accepted', 'retrying', 'accepted']);
    expect(await attemptsAccepted(number)).toEqual(['1', '2']);
    expect(retrying).toMatchObject({
      ...{ version: 2, attempt: 1, wamid: first?.wamid, metadata: command.metadata },
      error: { code: 131016, class: 'transient' },
    });
    const [retry, ...more] = rig.retriesOf(record.value);
    expect(more).toEqual([]);
    expect(storyOf(retry!)).toMatchObject({ ...origin, attempts: '1' });
    expect(retry!.headers).toMatchObject({
      'x-own': 'kept',
      [headers.dueAt]: String(Date.parse(retrying?.nextAttemptAt ?? '')),
    });
    expect(await counted('retried')).toBe(before + 1);
    await eventually(async () => {
      const rows = await rig.sql(
        `SELECT c.state, m.status FROM commands c JOIN messages m USING (wamid, phone_number_id)
         WHERE c.command_id = $1 AND m.wamid = $2 AND m.delivered_at IS NOT NULL`,
        [command.id, second?.wamid],
      );
      expect(rows).toMatchObject([{ state: 'accepted' }]);
    });
    // The same news once more, late: the resend stands.
    const late = await counted('counted_already');
    await tellFailed(command, first?.wamid ?? '');
    await eventually(async () => expect(await counted('counted_already')).toBe(late + 1));
    expect(await attemptsAccepted(number)).toEqual(['1', '2']);
    expect(await ledgerRow(command)).toEqual({ state: 'accepted', version: 3, attempts: 2 });
  });

  it('is overtaken by others to the same recipient, which keep their order', async () => {
    const number = await rig.newNumber();
    const to = '+15550003333';
    const [failing, ...others] = Array.from({ length: 10 }, () => aCommand(number, { to }));
    await failNext(number, 131016);
    await rig.publish([failing!, ...others].map(recordOf));
    await untilTold(failing!, ['accepted', 'retrying', 'accepted']);
    await untilTold(others.at(-1)!, ['accepted']);
    const ids = (await rig.accepted(number)).map(commandIdOf);
    expect(ids.filter((id) => id !== failing!.id)).toEqual(others.map(({ id }) => id));
    expect(ids.filter((id) => id === failing!.id)).toHaveLength(2);
  });

  it('and is of strict order, goes before what has not been sent yet to the same recipient', async () => {
    const number = await rig.newNumber();
    const to = '+15550004444';
    const strict = aCommand(number, { to, order: 'strict' });
    const others = Array.from({ length: 3 }, () => aCommand(number, { to }));
    await failNext(number, 131016);
    await rig.publish([recordOf(strict)]);
    await eventually(() => expect(typesOf(strict).slice(0, 2)).toEqual(['accepted', 'retrying']), 30_000);
    // Its own delay is half a second from here.
    await rig.publish(others.map(recordOf));
    for (const other of others) await untilTold(other, ['accepted']);
    const expected = [strict, strict, ...others].map(({ id }) => id);
    expect((await rig.accepted(number)).map(commandIdOf)).toEqual(expected);
    expect(rig.retriesOf(recordOf(strict).value)).toEqual([]);
  });

  it.each([
    { code: 131016, attempts: 3 },
    { code: 131000, attempts: 2 },
  ])('each time, with code $code, is dead-lettered after $attempts attempts', async ({ code, attempts }) => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const before = await counted('exhausted');
    await failNext(number, code, null);
    await rig.publish([recordOf(command)]);
    const [letter] = await eventually(() => {
      const letters = rig.deadLettersOf(recordOf(command).value);
      expect(letters).toHaveLength(1);
      return letters;
    }, 30_000);
    const story = { cause: 'exhausted', code: String(code), attempts: String(attempts) };
    expect(storyOf(letter!)).toEqual({ ...origin, ...story });
    expect(letter!.headers[headers.firstFailureAt]).not.toBe(letter!.headers[headers.lastFailureAt]);
    const rounds = Array.from({ length: attempts - 1 }, () => ['accepted', 'retrying']).flat();
    const events = await untilTold(command, [...rounds, 'accepted', 'dead-lettered']);
    expect(events.at(-1)).toMatchObject({ cause: 'exhausted', attempt: attempts, error: { code } });
    expect(await rig.accepted(number)).toHaveLength(attempts);
    expect(await ledgerRow(command)).toMatchObject({ state: 'dead-lettered', attempts });
    await eventually(async () => expect(await counted('exhausted')).toBe(before + 1));
  });

  it('for good, ends there, and is told again to whoever publishes it again', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number, { campaignId: 'spring' });
    const before = await counted('final');
    await failNext(number, 131026);
    await rig.publish([recordOf(command)]);
    const [accepted, failed] = await untilTold(command, ['accepted', 'failed']);
    expect(failed).toMatchObject({
      ...{ version: 2, attempt: 1, wamid: accepted?.wamid, campaignId: 'spring' },
      error: { code: 131026, class: 'recipient' },
    });
    await eventually(async () => {
      const rows = await rig.sql(
        `SELECT c.state, c.error_code, c.campaign_id, m.status,
                (SELECT array_agg(a.state ORDER BY a.version) FROM dispatch_attempts a WHERE a.command_id = c.command_id) AS steps
         FROM commands c JOIN messages m USING (wamid, phone_number_id) WHERE c.command_id = $1`,
        [command.id],
      );
      expect(rows).toEqual([
        {
          ...{ state: 'failed', error_code: 131026, campaign_id: 'spring' },
          ...{ status: 'failed', steps: ['accepted', 'failed'] },
        },
      ]);
    });
    const repeated = 'talaria_dispatch_commands_total{result="repeated"}';
    const repeats = await rig.counter(repeated);
    await rig.publish([recordOf(command)]);
    await eventually(async () => expect(await rig.counter(repeated)).toBe(repeats + 1));
    expect(await rig.accepted(number)).toHaveLength(1);
    expect(rig.retriesOf(recordOf(command).value)).toEqual([]);
    expect(rig.deadLettersOf(recordOf(command).value)).toEqual([]);
    expect(await counted('final')).toBe(before + 1);
  });

  it('though it was delivered, is not sent again', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await rig.publish([recordOf(command)]);
    const [accepted] = await untilTold(command, ['accepted']);
    const delivered = `SELECT FROM messages WHERE wamid = $1 AND delivered_at IS NOT NULL`;
    await eventually(async () => expect(await rig.sql(delivered, [accepted?.wamid])).toHaveLength(1));
    const before = await counted('contradicted');
    await tellFailed(command, accepted?.wamid ?? '');
    await eventually(async () => expect(await counted('contradicted')).toBe(before + 1));
    expect(await ledgerRow(command)).toEqual({ state: 'accepted', version: 1, attempts: 1 });
    expect(typesOf(command)).toEqual(['accepted']);
  });
});

describe('a failure that comes both ways counts once:', () => {
  it('an answer that was lost, and a status', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const { phoneNumberId } = number;
    await platform.simulator.addFault({ match: { phoneNumberId }, answer: { drop: 'before' } });
    await rig.publish([recordOf(command)]);
    await untilTold(command, ['unknown']);
    await tellFailed(command, `wamid.${randomUUID()}`);
    await untilTold(command, ['unknown', 'retrying', 'accepted']);
    expect(await attemptsAccepted(number)).toEqual(['2']);
    expect(await ledgerRow(command)).toEqual({ state: 'accepted', version: 3, attempts: 2 });
  });

  it('a refusal, and a status', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const { phoneNumberId } = number;
    const before = await counted('counted_already');
    await platform.simulator.addFault({ match: { phoneNumberId }, times: 2, answer: { code: 131016 } });
    await rig.publish([recordOf(command)]);
    await untilTold(command, ['retrying', 'dead-lettered']);
    await tellFailed(command, `wamid.${randomUUID()}`, 131016, 1);
    await tellFailed(command, `wamid.${randomUUID()}`, 131016, 2);
    await eventually(async () => expect(await counted('counted_already')).toBe(before + 2));
    expect(await ledgerRow(command)).toEqual({ state: 'dead-lettered', version: 2, attempts: 2 });
    expect(rig.retriesOf(recordOf(command).value)).toEqual([]);
  });
});

describe('the event of a failed status', () => {
  it('that comes again changes nothing, and one more record of the command sends nothing', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const before = await counted('counted_already');
    await failNext(number, 131016);
    await rig.publish([recordOf(command)]);
    const [accepted, retrying] = await eventually(() => {
      const events = rig.eventsOf(command.id);
      expect(events.length).toBeGreaterThanOrEqual(2);
      return events;
    });
    await Promise.all([1, 2, 3].map(() => tellFailed(command, accepted?.wamid ?? '')));
    const events = await untilTold(command, ['accepted', 'retrying', 'accepted']);
    expect(events[1]).toEqual(retrying);
    await tellFailed(command, accepted?.wamid ?? '');
    await eventually(async () => expect(await counted('counted_already')).toBeGreaterThan(before));
    expect(await attemptsAccepted(number)).toEqual(['1', '2']);
    expect(await ledgerRow(command)).toEqual({ state: 'accepted', version: 3, attempts: 2 });
  });

  it('that comes again after a crash, when the ledger knew and nobody else, is told and tried again: here it turns out that it was delivered', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await rig.publish([recordOf(command)]);
    const [accepted] = await untilTold(command, ['accepted']);
    const delivered = `SELECT FROM messages WHERE wamid = $1 AND delivered_at IS NOT NULL`;
    await eventually(async () => expect(await rig.sql(delivered, [accepted?.wamid])).toHaveLength(1));
    const at = new Date().toISOString();
    const error = { code: 131016, class: 'transient', message: 'why' };
    const outcome = { state: 'retrying', at, nextAttemptAt: at, wamid: accepted?.wamid, error };
    await rig.sql(
      `UPDATE dispatch_commands SET state = 'retrying', version = 2, outcome = $2 WHERE command_id = $1`,
      [command.id, JSON.stringify(outcome)],
    );
    await tellFailed(command, accepted?.wamid ?? '');
    const [, retrying] = await untilTold(command, ['accepted', 'retrying', 'accepted']);
    expect(retrying).toMatchObject({ version: 2, nextAttemptAt: at, error });
    expect(await attemptsAccepted(number)).toEqual(['1']);
    expect(rig.retriesOf(recordOf(command).value)).not.toEqual([]);
  });

  it('whose command is gone from Kafka ends the command, and says why', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const { phoneNumberId } = number;
    await platform.simulator.addFault({ match: { phoneNumberId }, answer: { drop: 'before' } });
    await rig.publish([recordOf(command)]);
    await untilTold(command, ['unknown']);
    await deleteAll(topics.outbound.name);
    await tellFailed(command, `wamid.${randomUUID()}`);
    const events = await untilTold(command, ['unknown', 'failed']);
    expect(events.at(-1)).toMatchObject({
      ...{ wabaId: number.wabaId, phoneNumberId, attempt: 1 },
      error: { code: 131016, message: 'why (not tried again: the command is no longer in Kafka)' },
    });
    expect(await ledgerRow(command)).toEqual({ state: 'failed', version: 2, attempts: 1 });
    expect(await rig.accepted(number)).toEqual([]);
  });
});

async function deleteAll(topic: string): Promise<void> {
  const admin = createKafka(kafkaConfigOf(platform), 'spec', testLogger).admin();
  await admin.connect();
  const name = platform.kafkaPrefix + topic;
  const ends = await admin.fetchTopicOffsets(name);
  const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
  await admin.deleteTopicRecords({ topic: name, partitions });
  await admin.disconnect();
}
