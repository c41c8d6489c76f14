import { headers, topics } from '@talaria/contracts';
import { partitionOf } from '@talaria/kafka';
import { eventually, kafkaConfigOf, testLogger, testPlatform } from '../../../../test/kit';
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

const REPEATED = 'talaria_dispatch_commands_total{result="repeated"}';
const REKEYED = 'talaria_dispatch_commands_total{result="rekeyed"}';
const PROBED = (result: string) => `talaria_dispatch_probes_total{result="${result}"}`;
const origin = { topic: topics.outbound.name };

jest.setTimeout(90_000);

let platform: Platform;
let rig: DispatcherRig;

beforeAll(async () => {
  const env = {
    GRAPH_API_TIMEOUT: '2s',
    RETRY_SCHEDULE: '100ms 200ms 3s',
    RETRY_SCHEDULE_UNAVAILABLE: '100ms 200ms 1s',
    RETRY_JITTER_PERCENT: '0',
    RETRY_IN_LANE_MAX: '500ms',
    UNKNOWN_CHECK_INTERVAL: '300ms',
    UNKNOWN_WAIT: '4s',
    KAFKA_SESSION_TIMEOUT: '6s',
    PARK_DURATION: '500ms',
  };
  platform = await testPlatform('dispatch', { dispatcher: env });
  rig = await startDispatcherRig(platform, kafkaConfigOf(platform), testLogger);
}, 60_000);

afterAll(async () => {
  await rig.close();
  await platform.stop();
}, 60_000);

const typesOf = (commandId: string) =>
  rig.eventsOf(commandId).map(({ type }) => type.replace('whatsapp.dispatch.', '').replace('.v1', ''));

async function deadLetterOf(value: string | Buffer) {
  return eventually(() => {
    const [letter] = rig.deadLettersOf(value);
    expect(letter).toBeDefined();
    return letter!;
  });
}

const stateOf = async (commandId: string) =>
  eventually(() => {
    const last = rig.eventsOf(commandId).at(-1);
    expect(last?.type).toMatch(/accepted|dead-lettered/);
    return last!;
  });

describe('a command', () => {
  it('becomes one message, and its acceptance is told', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number, { metadata: { order: '42' }, correlationId: 'c-1' });
    await rig.publish([recordOf(command)]);
    const event = await stateOf(command.id);
    const accepted = await rig.accepted(number);
    expect(accepted).toHaveLength(1);
    expect(accepted[0]).toMatchObject({ to: command.to, callbackData: `talaria/${command.id}/1` });
    expect(event).toMatchObject({
      version: 1,
      attempt: 1,
      wamid: accepted[0]!.wamid,
      metadata: command.metadata,
      correlationId: 'c-1',
      message: command.message,
      startedAt: expect.stringMatching(/^20\d\d-.*Z$/) as string,
    });
  });

  it('published three times, in three partitions, becomes one message', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const before = await rig.counter(REPEATED);
    await rig.publish([0, 1, 2].map((partition) => ({ ...recordOf(command), partition })));
    await eventually(async () => expect(await rig.counter(REPEATED)).toBeGreaterThanOrEqual(before + 2));
    expect(await rig.accepted(number)).toHaveLength(1);
    expect(typesOf(command.id)).toEqual(['accepted']);
  });

  it('with the id of another and other contents is dead-lettered, and of the other nothing changes', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const { id, wabaId, phoneNumberId, ...rest } = command;
    const other = aCommand(number, { id, metadata: { which: 'the other' } });
    const counted = 'talaria_dead_letters_total{cause="conflict"}';
    const before = await rig.counter(counted);
    await rig.publish([recordOf(command)]);
    await stateOf(id);
    const respelled = JSON.stringify({ ...rest, phoneNumberId, wabaId, id }, null, 2);
    await rig.publish([recordOf(other), { key: wabaId, value: respelled }]);
    const letter = await deadLetterOf(recordOf(other).value);
    expect(storyOf(letter)).toEqual({ ...origin, cause: 'conflict', code: undefined, attempts: '0' });
    await eventually(async () => expect(await rig.counter(counted)).toBe(before + 1));
    expect(rig.deadLettersOf(respelled)).toEqual([]);
    expect(typesOf(id)).toEqual(['accepted']);
    expect(await rig.accepted(number)).toHaveLength(1);
  });

  it('is tried again after a passing fault, and every attempt is counted', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await platform.simulator.addFault({
      match: { phoneNumberId: number.phoneNumberId },
      times: 2,
      answer: { code: 131016 },
    });
    await rig.publish([recordOf(command)]);
    expect(await stateOf(command.id)).toMatchObject({ version: 3, attempt: 3 });
    expect(typesOf(command.id)).toEqual(['retrying', 'retrying', 'accepted']);
    expect((await rig.accepted(number)).map(({ callbackData }) => callbackData)).toEqual([
      `talaria/${command.id}/3`,
    ]);
    expect(rig.retriesOf(recordOf(command).value)).toEqual([]);
  });

  it('waits out a long delay in a retry topic and comes back, unchanged', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const record = recordOf(command);
    await platform.simulator.addFault({
      match: { phoneNumberId: number.phoneNumberId },
      times: 3,
      answer: { code: 131016 },
    });
    await rig.publish([record]);
    expect(await stateOf(command.id)).toMatchObject({ attempt: 4 });
    const [retry, ...more] = rig.retriesOf(record.value);
    expect(more).toEqual([]);
    expect(storyOf(retry!)).toMatchObject({ ...origin, attempts: '3' });
    expect(String(retry!.key)).toBe(number.wabaId);
    expect(retry!.headers[headers.originalPartition]).toBe(String(retry!.partition));
    const [{ at } = { at: 0 }] = await rig.accepted(number);
    expect(at).toBeGreaterThanOrEqual(Number(retry!.headers[headers.dueAt]));
  });

  it('whose attempts are used up is dead-lettered as exhausted', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await platform.simulator.addFault({
      match: { phoneNumberId: number.phoneNumberId },
      times: null,
      answer: { code: 131016 },
    });
    await rig.publish([recordOf(command)]);
    const letter = await deadLetterOf(recordOf(command).value);
    expect(storyOf(letter)).toEqual({ ...origin, cause: 'exhausted', code: '131016', attempts: '4' });
    expect(await rig.accepted(number)).toEqual([]);
  });

  it('that Meta refuses for good is dead-lettered, once, with its bytes unchanged and its story', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const value = `  ${JSON.stringify(command, null, 3)}\n`;
    await platform.simulator.addFault({
      match: { phoneNumberId: number.phoneNumberId },
      answer: { code: 131026 },
    });
    await rig.publish([{ key: 'some-key', value, headers: { 'x-own': 'kept' } }]);
    const letter = await deadLetterOf(value);
    expect(storyOf(letter)).toEqual({ ...origin, cause: 'permanent', code: '131026', attempts: '1' });
    expect(String(letter.key)).toBe('some-key');
    expect(letter.headers).toMatchObject({ 'x-own': 'kept' });
    expect(await stateOf(command.id)).toMatchObject({
      type: 'whatsapp.dispatch.dead-lettered.v1',
      cause: 'permanent',
    });
    // A repeat of it is not a second letter.
    const before = await rig.counter(REPEATED);
    await rig.publish([{ key: 'some-key', value }]);
    await eventually(async () => expect(await rig.counter(REPEATED)).toBe(before + 1));
    expect(rig.deadLettersOf(value)).toHaveLength(1);
  });

  it('of a number that nobody knows is dead-lettered; of one that was added a moment ago it is sent', async () => {
    const [stranger, fresh] = [{ ...(await rig.newNumber()), phoneNumberId: '404' }, await rig.newNumber()];
    const [lost, found] = [aCommand(stranger), aCommand(fresh)];
    await rig.publish([recordOf(lost), recordOf(found)]);
    expect(storyOf(await deadLetterOf(recordOf(lost).value))).toMatchObject({
      cause: 'invalid',
      attempts: '0',
    });
    expect(await stateOf(found.id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
  });
});

describe('a command that was put into another partition than its WABA', () => {
  const partitions = topics.outbound.partitions;

  it('is sent from the right one, in order, and each is forwarded once', async () => {
    const number = await rig.newNumber();
    const wrong = (partitionOf(number.wabaId, partitions) + 1) % partitions;
    const commands = Array.from({ length: 20 }, () => aCommand(number, { to: '+15550002222' }));
    const before = await rig.counter(REKEYED);
    await rig.publish(commands.map((command) => ({ ...recordOf(command), partition: wrong })));
    await stateOf(commands[19]!.id);
    expect((await rig.accepted(number)).map(commandIdOf)).toEqual(commands.map(({ id }) => id));
    expect(await rig.counter(REKEYED)).toBe(before + 20);
  });

  it('because of its key, tells as a dead letter where it lay first', async () => {
    const number = await rig.newNumber();
    const right = partitionOf(number.wabaId, partitions);
    const key = Array.from({ length: 100 }, (_, n) => `key-${n}`).find(
      (one) => partitionOf(one, partitions) !== right,
    )!;
    const { value } = recordOf(aCommand(number, { expiresAt: '2020-01-01T00:00:00Z' }));
    await rig.publish([{ key, value }]);
    const letter = await deadLetterOf(value);
    expect(letter).toMatchObject({ partition: right, key: Buffer.from(key) });
    expect(letter.headers).toMatchObject({
      [headers.originalTopic]: topics.outbound.name,
      [headers.originalPartition]: String(partitionOf(key, partitions)),
      [headers.rekeyedTo]: String(right),
    });
  });

  it('does not stop its partition when it is too large to be forwarded', async () => {
    const number = await rig.newNumber();
    const wrong = (partitionOf(number.wabaId, partitions) + 1) % partitions;
    const [large, behind] = [aCommand(number), aCommand(number)];
    const most = { 'x-own': 'x'.repeat(1_048_588 - recordOf(large).value.length - 150) };
    await rig.publish([{ ...recordOf(large), partition: wrong, headers: most }]);
    await rig.publish([{ ...recordOf(behind), partition: wrong }]);
    expect(await stateOf(behind.id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
    expect(storyOf(await deadLetterOf(recordOf(large).value))).toMatchObject({ cause: 'invalid' });
  });
});

describe('a record that is no command', () => {
  it('is dead-lettered and never tried again, and those behind it go on', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const bad = ['not json', '{"id":"x"}', `{"unknownField":1,${recordOf(command).value.slice(1)}`];
    const key = number.wabaId;
    await rig.publish([...bad.map((value) => ({ key, value })), recordOf(command)]);
    expect(await stateOf(command.id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
    const causes = await Promise.all(bad.map(async (value) => storyOf(await deadLetterOf(value)).cause));
    expect(causes).toEqual(['decode', 'invalid', 'invalid']);
    expect(bad.flatMap((value) => rig.retriesOf(value))).toEqual([]);
  });

  it('or is one that may not go has a cause that tells what to do, is counted by it, and costs no call', async () => {
    const number = await rig.newNumber();
    const { wabaId: key } = number;
    const opaque = (content: unknown) => aCommand(number, { message: { type: 'opaque', opaque: content } });
    const bad: readonly (readonly [string, string])[] = [
      ['decode', 'not json'],
      ['invalid', recordOf(opaque('x'.repeat(1_000_000))).value],
      ['invalid', recordOf(opaque('deep')).value.replace('"deep"', `${'['.repeat(200)}${']'.repeat(200)}`)],
      ['invalid', recordOf(aCommand({ ...number, phoneNumberId: '4043' })).value],
      ['invalid', recordOf(aCommand({ ...number, wabaId: '4043' })).value],
      ['invalid', recordOf(aCommand(number, { message: { type: 'text', text: { body: '' } } })).value],
      ['expired', recordOf(aCommand(number, { expiresAt: '2020-01-01T00:00:00Z' })).value],
    ];
    const counted = () =>
      Promise.all(
        ['decode', 'invalid', 'expired'].map((cause) =>
          rig.counter(`talaria_dead_letters_total{cause="${cause}"}`),
        ),
      );
    const before = await counted();
    await rig.publish(bad.map(([, value]) => ({ key, value })));
    const letters = await Promise.all(bad.map(([, value]) => deadLetterOf(value)));
    expect(letters.map((letter) => storyOf(letter))).toEqual(
      bad.map(([cause]) => ({ ...origin, cause, code: undefined, attempts: '0' })),
    );
    expect(letters.map((letter) => letter.headers[headers.errorMessage])).toEqual([
      'the value is not JSON',
      'the value is longer than 524288 bytes',
      'the command has more than 100 levels',
      'phoneNumberId is not in the registry',
      'phoneNumberId belongs to another WABA',
      expect.stringContaining('text.body'),
      'expiresAt has passed',
    ]);
    await eventually(async () => {
      const after = await counted();
      expect(after.map((count, index) => count - before[index]!)).toEqual([1, 5, 1]);
    });
    expect(await rig.accepted(number)).toEqual([]);
  });

  it('does not stop its partition by its size, even when a dead letter of that size is refused', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    const opaque = { type: 'opaque', opaque: 'x'.repeat(600 * 1024) };
    const large = recordOf(aCommand(number, { message: opaque })).value;
    const largest = 'x'.repeat(1_048_588 - 150);
    for (const value of [large, largest]) await rig.publish([{ key: number.wabaId, value }]);
    await rig.publish([recordOf(command)]);
    expect(await stateOf(command.id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
    expect(storyOf(await deadLetterOf(large))).toMatchObject({ cause: 'invalid' });
    expect(await rig.accepted(number)).toHaveLength(1);
  });

  it('cannot stop its partition by a due time either', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await rig.publish([
      { ...recordOf(command), headers: { [headers.dueAt]: String(Date.now() + 3_600_000) } },
    ]);
    expect(await stateOf(command.id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
  });
});

describe('throttled or refused as a sender', () => {
  it('a command waits and spends no attempt', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await platform.simulator.addFault({
      match: { phoneNumberId: number.phoneNumberId },
      times: 2,
      answer: { code: 130429 },
    });
    await rig.publish([recordOf(command)]);
    expect(await stateOf(command.id)).toMatchObject({ version: 1, attempt: 1 });
    expect(await rig.accepted(number)).toHaveLength(1);
  });

  it('a number whose token is refused rests, and when it is mended everything goes out, nothing spent', async () => {
    const number = await rig.newNumber();
    await platform.simulator.putNumber({ ...number, accessToken: 'the-new-token' });
    const commands = Array.from({ length: 8 }, () => aCommand(number));
    const refusals = async () => (await platform.simulator.stats()).refused['190'] ?? 0;
    await rig.publish(commands.map(recordOf));
    const before = await rig.counter(PROBED('refused'));
    await eventually(async () =>
      expect(await rig.counter(PROBED('refused'))).toBeGreaterThanOrEqual(before + 2),
    );
    expect(await rig.counter('talaria_dispatch_parked')).toBe(1);
    // It was asked about, which costs nothing; its messages were not tried.
    expect(await refusals()).toBeLessThanOrEqual(commands.length);
    expect(commands.flatMap(({ id }) => rig.eventsOf(id))).toEqual([]);
    await rig.mendToken(number, 'the-new-token');
    for (const { id } of commands) expect(await stateOf(id)).toMatchObject({ version: 1, attempt: 1 });
    expect(new Set((await rig.accepted(number)).map(commandIdOf))).toEqual(
      new Set(commands.map(({ id }) => id)),
    );
    expect(await rig.accepted(number)).toHaveLength(commands.length);
  });
});

describe('while Meta is down', () => {
  afterEach(() => platform.simulator.removeFaults());

  const numberOf = (count: number, number: NewNumber) =>
    Array.from({ length: count }, () => aCommand(number));

  it.each([
    ['says so', { code: 131016, status: 503 }],
    ['refuses', { code: 131000 }],
  ])(
    'and %s, hardly an attempt is spent, nothing is dead-lettered, and everything goes out afterwards, slowly at first',
    async (_title, answer) => {
      const numbers = [await rig.newNumber(), await rig.newNumber()];
      const healthy = numbers.map(({ phoneNumberId }) => ({ match: { phoneNumberId }, times: null, answer }));
      for (const fault of healthy) await platform.simulator.addFault(fault);
      const commands = numbers.flatMap((number) => numberOf(30, number));
      const before = await rig.counter(PROBED('away'));
      await rig.publish(commands.map(recordOf));
      await eventually(async () => {
        expect(await rig.counter(PROBED('away'))).toBeGreaterThanOrEqual(before + 4);
        // Meta as a whole, and one of the two at least: nothing is called then that could tell of the other.
        expect(await rig.counter('talaria_dispatch_resting')).toBeGreaterThanOrEqual(2);
      });
      const spent = commands.flatMap(({ id }) => rig.eventsOf(id));
      expect(spent.map(({ type }) => type)).toEqual(spent.map(() => 'whatsapp.dispatch.retrying.v1'));
      // Ten calls in a row, some of them of a command that was tried again by then.
      expect(spent.length).toBeLessThan(20);
      await platform.simulator.removeFaults();
      for (const { id } of commands) expect((await stateOf(id)).attempt).toBeLessThanOrEqual(3);
      const times = (await Promise.all(numbers.map((number) => rig.accepted(number)))).flat();
      expect(new Set(times.map(commandIdOf))).toEqual(new Set(commands.map(({ id }) => id)));
      expect(times).toHaveLength(commands.length);
      const first = Math.min(...times.map(({ at }) => at));
      expect(times.filter(({ at }) => at < first + 1000).length).toBeLessThanOrEqual(4);
    },
    60_000,
  );
});

describe('when nobody knows whether Meta took it', () => {
  it('a message that it did take is found by its status and not sent again', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number, { onUnknown: 'resend' });
    await platform.simulator.addFault({
      match: { phoneNumberId: number.phoneNumberId },
      answer: { drop: 'after' },
    });
    await rig.publish([recordOf(command)]);
    const event = await stateOf(command.id);
    const accepted = await rig.accepted(number);
    expect(accepted).toHaveLength(1);
    expect(event).toMatchObject({ wamid: accepted[0]!.wamid, attempt: 1 });
    expect(typesOf(command.id)).toEqual(['unknown', 'accepted']);
  });

  it('a command is not sent again but dead-lettered as ambiguous; one that allows it is sent once more', async () => {
    const number = await rig.newNumber();
    const [careful, resent] = [aCommand(number), aCommand(number, { onUnknown: 'resend' })];
    await platform.simulator.addFault({
      match: { phoneNumberId: number.phoneNumberId },
      times: 2,
      answer: { drop: 'before' },
    });
    await rig.publish([careful, resent].map(recordOf));
    expect(storyOf(await deadLetterOf(recordOf(careful).value))).toEqual({
      ...origin,
      cause: 'ambiguous',
      code: undefined,
      attempts: '1',
    });
    expect(await stateOf(resent.id)).toMatchObject({ attempt: 2, type: 'whatsapp.dispatch.accepted.v1' });
    expect((await rig.accepted(number)).map(({ callbackData }) => callbackData)).toEqual([
      `talaria/${resent.id}/2`,
    ]);
  });

  it('a call without an answer is such a case', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await platform.simulator.addFault({
      match: { phoneNumberId: number.phoneNumberId },
      answer: { hang: true, accept: true },
    });
    await rig.publish([recordOf(command)]);
    expect(await stateOf(command.id)).toMatchObject({ attempt: 1, type: 'whatsapp.dispatch.accepted.v1' });
    expect(rig.eventsOf(command.id)[0]).toMatchObject({
      error: { class: 'ambiguous', message: 'TimeoutError' },
    });
    expect(await rig.accepted(number)).toHaveLength(1);
  });
});

describe('paused by a person, or restricted by Meta', () => {
  const paused = () => rig.counter('talaria_dispatch_paused_numbers');

  it('a number, all of a WABA or all of an app waits unsent and unspent, and goes on when that is taken back', async () => {
    const newNumber = () => rig.newNumber(20);
    const numbers = await Promise.all([newNumber(), newNumber(), newNumber(), newNumber()]);
    const [one, two, three, four] = numbers;
    await rig.sql(`INSERT INTO apps (app_id) VALUES ('of its own')`);
    await rig.sql(`UPDATE wabas SET app_id = 'of its own' WHERE waba_id = $1`, [three.wabaId]);
    const commands = numbers.flatMap((number) => Array.from({ length: 60 }, () => aCommand(number)));
    await rig.publish(commands.map(recordOf));
    const pause = async (until: string | null) => {
      await rig.sql(`UPDATE phone_numbers SET paused_until = $1 WHERE phone_number_id = $2`, [
        until,
        one.phoneNumberId,
      ]);
      await rig.sql(`UPDATE wabas SET paused_until = $1 WHERE waba_id = $2`, [until, two.wabaId]);
      await rig.sql(`UPDATE apps SET paused_until = $1 WHERE app_id = 'of its own'`, [until]);
      await rig.sql(`UPDATE wabas SET restricted_until = $1 WHERE waba_id = $2`, [until, four.wabaId]);
    };
    await pause('infinity');
    await eventually(async () => expect(await paused()).toBe(4));
    // What was under way when the pause was seen has ended.
    await eventually(async () => expect(await rig.counter('talaria_dispatch_in_flight')).toBe(0));
    const from = Date.now();
    const other = aCommand(await rig.newNumber());
    await rig.publish([recordOf(other)]);
    expect(await stateOf(other.id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
    const until = Date.now();
    await pause(null);
    for (const { id } of commands) expect(await stateOf(id)).toMatchObject({ version: 1, attempt: 1 });
    for (const number of numbers) {
      const accepted = await rig.accepted(number);
      expect(accepted).toHaveLength(60);
      expect(accepted.filter(({ at }) => at > from && at < until)).toEqual([]);
    }
  });

  it('a number that is deleted meanwhile, or moved to another WABA, gives up its commands and says why', async () => {
    const [account, another] = [await rig.newNumber(), await rig.newNumber()];
    const [gone, moved] = ['4041', '4042'].map((phoneNumberId) => ({ ...account, phoneNumberId }));
    for (const number of [gone!, moved!]) await platform.addNumber({ ...number, pausedUntil: 'infinity' });
    const commands = [aCommand(gone!), aCommand(moved!)];
    await rig.publish(commands.map(recordOf));
    await eventually(async () => expect(await paused()).toBe(2));
    await rig.sql(`DELETE FROM phone_numbers WHERE phone_number_id = '4041'`);
    await rig.sql(
      `UPDATE phone_numbers SET waba_id = $1, paused_until = NULL WHERE phone_number_id = '4042'`,
      [another.wabaId],
    );
    const letters = await Promise.all(commands.map((command) => deadLetterOf(recordOf(command).value)));
    expect(letters.map((letter) => [storyOf(letter).cause, storyOf(letter).attempts])).toEqual([
      ['invalid', '0'],
      ['invalid', '0'],
    ]);
    const events = await Promise.all(commands.map(({ id }) => stateOf(id)));
    expect(events.map(({ error }) => error?.message)).toEqual([
      'phoneNumberId is not in the registry',
      'phoneNumberId belongs to another WABA',
    ]);
  });
});

it('messages to one recipient arrive in order, also through retries and throttling', async () => {
  const number = await rig.newNumber();
  const commands = Array.from({ length: 10 }, () => aCommand(number, { to: '+15550001111' }));
  const fault = (index: number, code: number) =>
    platform.simulator.addFault({
      match: { callbackData: `talaria/${commands[index]!.id}/1` },
      answer: { code },
    });
  await fault(4, 131016);
  await fault(7, 131056);
  await rig.publish(commands.map(recordOf));
  await stateOf(commands[9]!.id);
  expect((await rig.accepted(number)).map(commandIdOf)).toEqual(commands.map(({ id }) => id));
});

it("a number's rate is kept by the dispatcher itself, before Meta has to refuse", async () => {
  const refusals = async () => (await platform.simulator.stats()).refused['130429'] ?? 0;
  const number = await rig.newNumber(50);
  const before = await refusals();
  const commands = Array.from({ length: 180 }, () => aCommand(number));
  await rig.publish(commands.map(recordOf));
  await eventually(async () => expect(await rig.accepted(number)).toHaveLength(commands.length));
  // A machine that stalls may bunch up what left in time; without the limit most of them would be refused.
  expect((await refusals()) - before).toBeLessThanOrEqual(3);
});

it('one of strict order holds later ones to the same recipient behind it through a long delay, and nobody else', async () => {
  const number = await rig.newNumber();
  const to = '+15550004444';
  const strict = aCommand(number, { to, order: 'strict' });
  const [behind, other] = [aCommand(number, { to }), aCommand(number)];
  await platform.simulator.addFault({
    match: { phoneNumberId: number.phoneNumberId },
    times: 3,
    answer: { code: 131016 },
  });
  await rig.publish([recordOf(strict)]);
  await eventually(() => expect(typesOf(strict.id)).toEqual(['retrying', 'retrying', 'retrying']));
  await rig.publish([behind, other].map(recordOf));
  for (const { id } of [behind, other]) await stateOf(id);
  expect((await rig.accepted(number)).map(commandIdOf)).toEqual([other.id, strict.id, behind.id]);
  expect(rig.retriesOf(recordOf(strict).value)).toEqual([]);
});

it('what a number receives is left free of its rate: Meta counts both', async () => {
  const { simulator } = platform;
  const refusals = async () => (await simulator.stats()).refused['130429'] ?? 0;
  const number = await rig.newNumber(60);
  const phoneNumberIds = [number.phoneNumberId];
  await simulator.startTraffic({ perSecond: 40, senders: 20, kinds: ['text'], phoneNumberIds });
  const firstTold = await eventually(async () => {
    const [told] = await rig.sql<{ measured_at: Date }>(
      'SELECT measured_at FROM inbound_rates WHERE per_second > 30',
    );
    expect(told).toBeDefined();
    return told!.measured_at.getTime();
  });
  // When it was told once more after that, the dispatcher has read it.
  await eventually(async () => {
    const [told] = await rig.sql<{ measured_at: Date }>(
      'SELECT measured_at FROM inbound_rates WHERE per_second > 30',
    );
    expect(told!.measured_at.getTime()).toBeGreaterThan(firstTold + 1500);
  });
  const before = await refusals();
  const commands = Array.from({ length: 40 }, () => aCommand(number));
  await rig.publish(commands.map(recordOf));
  await eventually(async () => expect(await rig.accepted(number)).toHaveLength(commands.length));
  await simulator.stopTraffic();
  // A machine that stalls may bunch up what left in time; without the share some seven are refused, until the number is slowed down.
  expect((await refusals()) - before).toBeLessThanOrEqual(3);
});

it("a WABA's ceiling bounds its numbers together, and is lifted while commands wait", async () => {
  const known = await rig.newNumber();
  await rig.limitAccount(known, 4);
  // The dispatcher meets these numbers for the first time with the ceiling in place.
  const [one, other] = [await rig.newSibling(known), await rig.newSibling(known)];
  const first = Array.from({ length: 12 }, (_, n) => aCommand(n % 2 === 0 ? one : other));
  const from = performance.now();
  await rig.publish(first.map(recordOf));
  for (const { id } of first)
    expect(await stateOf(id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
  // Twelve starts are eleven waits of a quarter of a second; without the ceiling they take less than one.
  expect(performance.now() - from).toBeGreaterThan(2500);
  const waiting = Array.from({ length: 400 }, (_, n) => aCommand(n % 2 === 0 ? one : other));
  await rig.publish(waiting.map(recordOf));
  await rig.limitAccount(one, null);
  // At the ceiling's rate it would be a hundred seconds.
  for (const { id } of waiting)
    expect(await stateOf(id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
});

it('a reply passes the campaign that waits before it', async () => {
  const number = await rig.newNumber(10);
  const campaign = Array.from({ length: 60 }, () => aCommand(number, { priority: 'campaign' }));
  const reply = aCommand(number, { priority: 'reply' });
  await rig.publish([...campaign, reply].map(recordOf));
  await eventually(async () => {
    const ids = (await rig.accepted(number)).map(commandIdOf);
    expect(ids).toContain(reply.id);
    expect(ids.length).toBeLessThan(40);
  });
});

it('a campaign that floods its number holds up nobody in its partition, and can be cancelled while most of it is parked', async () => {
  const flooded = await rig.newNumber(10);
  const sibling = await rig.newSibling(flooded);
  const campaign = Array.from({ length: 500 }, () =>
    aCommand(flooded, { priority: 'campaign', campaignId: 'spring' }),
  );
  const others = Array.from({ length: 20 }, () => aCommand(sibling));
  await rig.publish([...campaign, ...others].map(recordOf));
  for (const { id } of others)
    expect(await stateOf(id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
  await eventually(async () => expect(await rig.parked(flooded)).toBeGreaterThan(300));
  const notification = aCommand(flooded);
  await rig.publish([recordOf(notification)]);
  expect(await stateOf(notification.id)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
  await rig.cancelCampaign(flooded, 'spring');
  // At the number's rate it would be most of a minute.
  await eventually(() => {
    for (const { id } of campaign) expect(typesOf(id)).toHaveLength(1);
  }, 30_000);
  const fates = campaign.map(({ id }) => typesOf(id)[0]);
  expect(new Set(fates)).toEqual(new Set(['accepted', 'cancelled']));
  expect(await rig.accepted(flooded)).toHaveLength(fates.filter((fate) => fate === 'accepted').length + 1);
  await eventually(async () => expect(await rig.parked(flooded)).toBe(0));
});
