import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { headers, topics } from '@talaria/contracts';
import { createKafka, partitionOf } from '@talaria/kafka';
import {
  aCommand,
  commandIdOf,
  type DispatcherRig,
  type NewNumber,
  recordOf,
  startDispatcherRig,
} from '../apps/dispatcher/testing/dispatcher-rig';
import { type Platform } from '../tools/platform/platform';
import { repositoryRoot } from '../tools/stack/repository';
import { eventually, kafkaConfigOf, testLogger, testPlatform } from './kit';

let platform: Platform;
let rig: DispatcherRig;

beforeAll(async () => {
  platform = await testPlatform('letters', {
    dispatcher: {
      GRAPH_API_TIMEOUT: '2s',
      RETRY_SCHEDULE: '100ms 600ms',
      RETRY_SCHEDULE_UNAVAILABLE: '100ms 600ms',
      RETRY_JITTER_PERCENT: '0',
      UNKNOWN_CHECK_INTERVAL: '300ms',
      UNKNOWN_WAIT: '1s',
      KAFKA_SESSION_TIMEOUT: '6s',
    },
  });
  rig = await startDispatcherRig(platform, kafkaConfigOf(platform), testLogger);
}, 120_000);

afterAll(async () => {
  await rig.close();
  await platform.stop();
}, 60_000);

type Letter = {
  readonly id: number;
  readonly cause: string;
  readonly class: string | null;
  readonly code: number | null;
  readonly attempts: number;
  readonly first_failure_at: Date;
  readonly last_failure_at: Date;
  readonly record_offset: string;
} & Readonly<Record<string, unknown>>;

/** The dead letters of a number that are open, oldest first, when there are so many. */
const lettersOf = ({ phoneNumberId }: NewNumber, count: number) =>
  eventually(async () => {
    const letters = await rig.sql<Letter>(
      `SELECT *, id::integer FROM dead_letters d WHERE phone_number_id = $1 AND state = 'open' ORDER BY d.id`,
      [phoneNumberId],
    );
    expect(letters).toHaveLength(count);
    return letters;
  }, 20_000);

/** `talaria dead-letters …`, as a process. */
function start(...args: string[]): {
  child: ChildProcess;
  ended: Promise<number | null>;
  output: () => string;
} {
  const { kafkaBrokers, kafkaPrefix, databaseUrl } = platform;
  const env = { KAFKA_BROKERS: kafkaBrokers, KAFKA_PREFIX: kafkaPrefix, DATABASE_URL: databaseUrl };
  const script = join(repositoryRoot(), 'dist/apps/cli/src/main.js');
  const child = spawn(process.execPath, [script, 'dead-letters', ...args], {
    env: { ...process.env, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, output: () => output };
}

async function run(...args: string[]): Promise<string> {
  const { ended, output } = start(...args);
  expect([await ended, output()]).toEqual([0, expect.any(String)]);
  return output();
}

const fate = (commandId: string, version: number) =>
  eventually(() => {
    const last = rig.eventsOf(commandId).at(-1);
    expect(last?.version).toBeGreaterThanOrEqual(version);
    expect(last?.type).toMatch(/accepted|dead-lettered/);
    return last!;
  }, 30_000);

const refuse = (number: NewNumber, code: number, times: number | null) =>
  platform.simulator.addFault({ match: { phoneNumberId: number.phoneNumberId }, times, answer: { code } });

const idsAt = async (number: NewNumber) => (await rig.accepted(number)).map(commandIdOf);

const REPEATED = 'talaria_dispatch_commands_total{result="repeated"}';
/** Waits until the dispatcher has seen that many records for commands that it had done with. */
async function untilRepeated(before: number, count: number): Promise<void> {
  await eventually(async () => expect(await rig.counter(REPEATED)).toBeGreaterThanOrEqual(before + count));
}

describe('a dead letter', () => {
  it('is in the index with its cause, class, code, attempts, failures, origin and trace', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number, { campaignId: 'spring' });
    await refuse(number, 131016, 3);
    const trace = '0af7651916cd43dd8448eb211c80319c';
    await rig.publish([
      { ...recordOf(command), headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } },
    ]);
    const [letter] = await lettersOf(number, 1);
    expect(letter).toMatchObject({
      ...{ cause: 'exhausted', class: 'transient', code: 131016, attempts: 3, trace_id: trace },
      ...{ topic: topics.outboundDlq.name, origin_topic: topics.outbound.name },
      origin_partition: partitionOf(number.wabaId, 12),
      ...{ waba_id: number.wabaId, command_id: command.id, campaign_id: 'spring' },
    });
    // Its first two failures were waited out in the lane, for 0.7 s together.
    const { first_failure_at: first, last_failure_at: last } = letter!;
    expect(last.getTime() - first.getTime()).toBeGreaterThanOrEqual(690);
  });

  it('of each cause ends, sent again, as it should', async () => {
    const number = await rig.newNumber();
    const unknown = { ...number, phoneNumberId: '550' };
    const [permanent, conflicting] = [aCommand(number), aCommand(number)];
    const conflict = Object.assign(aCommand(number), conflicting, { metadata: { which: 'the other' } });
    const expired = aCommand(number, { expiresAt: new Date(Date.now() - 1000).toISOString() });
    const invalid = Object.assign(aCommand(number), { surplus: 1 });
    const stranger = aCommand(unknown);
    await refuse(number, 131026, 1);
    await rig.publish([recordOf(permanent)]);
    await fate(permanent.id, 1);
    await rig.publish([recordOf(conflicting)]);
    await fate(conflicting.id, 1);
    await rig.publish([...[conflict, expired, invalid].map(recordOf), recordOf(stranger)]);
    await lettersOf(unknown, 1);
    const letters = await lettersOf(number, 4);
    expect(Object.fromEntries(letters.map(({ command_id, cause }) => [command_id, cause]))).toEqual({
      [permanent.id]: 'permanent',
      [conflicting.id]: 'conflict',
      [expired.id]: 'expired',
      [invalid.id]: 'invalid',
    });
    const numberArgs = ['--number', number.phoneNumberId, '--reason', 'spec'];
    await run('redrive', '--cause', 'permanent', ...numberArgs);
    expect(await fate(permanent.id, 2)).toMatchObject({ attempt: 2, type: 'whatsapp.dispatch.accepted.v1' });
    await run('redrive', '--cause', 'conflict', ...numberArgs);
    await run('redrive', '--cause', 'invalid', '--correct', '{"surplus":null}', ...numberArgs);
    expect(await fate(invalid.id, 1)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
    const later = new Date(Date.now() + 60_000).toISOString();
    await run('redrive', '--cause', 'expired', '--expires-at', later, ...numberArgs);
    expect(await fate(expired.id, 2)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
    const sender = JSON.stringify({ phoneNumberId: number.phoneNumberId });
    await run('redrive', '--number', '550', '--correct', sender, '--reason', 'spec');
    expect(await fate(stranger.id, 2)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
    // The conflict is one again; of all others there is one message.
    expect(await lettersOf(number, 1)).toMatchObject([{ cause: 'conflict', command_id: conflicting.id }]);
    const sent = [conflicting, permanent, invalid, expired, stranger].map(({ id }) => id);
    expect((await idsAt(number)).sort()).toEqual(sent.sort());
  }, 90_000);

  it('has a budget of attempts of its own', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await refuse(number, 131016, 5);
    await rig.publish([recordOf(command)]);
    await lettersOf(number, 1);
    await run('redrive', '--number', number.phoneNumberId, '--reason', 'Meta is back');
    expect(await fate(command.id, 6)).toMatchObject({ attempt: 6, type: 'whatsapp.dispatch.accepted.v1' });
    expect(await idsAt(number)).toEqual([command.id]);
  }, 60_000);
});

describe('what was sent is not sent again', () => {
  it('when a second letter of the same command is sent again, or the command is published once more', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await refuse(number, 131026, 1);
    await rig.publish([recordOf(command)]);
    await lettersOf(number, 1);
    const written = await eventually(() => {
      const [found] = rig.deadLettersOf(recordOf(command).value);
      expect(found).toBeDefined();
      return found!;
    });
    // As a dispatcher leaves it that is killed between writing it and noting so.
    const producer = createKafka(kafkaConfigOf(platform), 'test', testLogger).producer();
    await producer.connect();
    const { key, value, headers: found } = written;
    await producer.send({
      topic: platform.kafkaPrefix + topics.outboundDlq.name,
      messages: [{ key, value, headers: { ...found } }],
    });
    await producer.disconnect();
    const [first, second] = await lettersOf(number, 2);
    await run('redrive', String(first!.id), '--reason', 'spec');
    expect(await fate(command.id, 2)).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1' });
    const before = await rig.counter(REPEATED);
    expect(await run('redrive', String(second!.id), '--dry-run')).toContain('1 were accepted meanwhile');
    await run('redrive', String(second!.id), '--reason', 'spec');
    await rig.publish([1, 4, 9].map((partition) => ({ ...recordOf(command), partition })));
    await untilRepeated(before, 4);
    expect(await idsAt(number)).toEqual([command.id]);
  }, 60_000);

  it('when the record of a re-drive comes twice, before and after it has failed again', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await refuse(number, 131026, 2);
    await rig.publish([recordOf(command)]);
    const [letter] = await lettersOf(number, 1);
    await run('redrive', String(letter!.id), '--reason', 'spec');
    expect(await fate(command.id, 2)).toMatchObject({
      type: 'whatsapp.dispatch.dead-lettered.v1',
      attempt: 2,
    });
    const [again] = await lettersOf(number, 1);
    const [{ redrive } = { redrive: '' }] = await rig.sql<{ redrive: string }>(
      'SELECT redrive FROM dead_letters WHERE id = $1',
      [letter!.id],
    );
    const before = await rig.counter(REPEATED);
    const repeat = { ...recordOf(command), headers: { [headers.redrive]: `${redrive}/${letter!.id}` } };
    await rig.publish([repeat, repeat]);
    await untilRepeated(before, 2);
    expect(await idsAt(number)).toEqual([]);
    await run('redrive', String(again!.id), '--reason', 'spec');
    await fate(command.id, 3);
    await rig.publish([repeat]);
    await untilRepeated(before, 3);
    expect(await idsAt(number)).toEqual([command.id]);
  }, 60_000);

  it('when a status tells, too late, that Meta had taken what was given up as ambiguous', async () => {
    const number = await rig.newNumber();
    const command = aCommand(number);
    await platform.simulator.putSettings({
      statuses: { sent: [20_000, 20_000], delivered: null, read: null },
    });
    await platform.simulator.addFault({
      match: { phoneNumberId: number.phoneNumberId },
      answer: { drop: 'after' },
    });
    await rig.publish([recordOf(command)]);
    const [letter] = await lettersOf(number, 1);
    expect(letter).toMatchObject({ cause: 'ambiguous', class: 'ambiguous' });
    await eventually(
      async () =>
        expect(
          await rig.sql(`SELECT FROM messages WHERE command_id = $1 AND sent_at IS NOT NULL`, [command.id]),
        ).toHaveLength(1),
      60_000,
    );
    await run('redrive', '--cause', 'ambiguous', '--number', number.phoneNumberId, '--reason', 'spec');
    const [sent, ...more] = await rig.accepted(number);
    const event = await fate(command.id, letter!.attempts + 2);
    expect(event).toMatchObject({ type: 'whatsapp.dispatch.accepted.v1', attempt: 1, wamid: sent!.wamid });
    expect(more).toEqual([]);
  }, 120_000);
});

describe('killed with -9 half-way', () => {
  it('the tool is told to go on, and every message is sent once', async () => {
    const number = await rig.newNumber();
    const commands = Array.from({ length: 60 }, () => aCommand(number));
    await refuse(number, 131026, 60);
    await rig.publish(commands.map(recordOf));
    await lettersOf(number, 60);
    const asked = ['redrive', '--number', number.phoneNumberId, '--rate', '10', '--reason', 'spec'];
    const tool = start(...asked);
    await eventually(async () => expect((await idsAt(number)).length).toBeGreaterThan(5));
    tool.child.kill('SIGKILL');
    await tool.ended;
    const refused = start(...asked);
    expect([await refused.ended, refused.output()]).toEqual([1, expect.stringContaining('was interrupted')]);
    const [, id = ''] = /--continue (\d+)/.exec(refused.output()) ?? [];
    const sentBefore = (await idsAt(number)).length;
    expect(sentBefore).toBeLessThan(60);
    expect(await run('redrive', '--continue', id)).toContain('finished: 60 letters are sent');
    await eventually(async () => expect((await idsAt(number)).length).toBeGreaterThanOrEqual(60));
    for (const { id: commandId } of commands) await fate(commandId, 2);
    expect((await idsAt(number)).sort()).toEqual(commands.map((one) => one.id).sort());
  }, 90_000);

  it.each([true, false])(
    'the dispatcher sends a re-driven message at most once (taken by Meta: %s)',
    async (accept) => {
      const number = await rig.newNumber();
      const command = aCommand(number);
      await refuse(number, 131026, 1);
      await rig.publish([recordOf(command)]);
      await lettersOf(number, 1);
      await platform.simulator.putSettings({ statuses: { sent: [20, 60], delivered: null, read: null } });
      await platform.simulator.addFault({
        match: { phoneNumberId: number.phoneNumberId },
        answer: { hang: true, accept },
      });
      const tool = start('redrive', '--number', number.phoneNumberId, '--reason', 'spec');
      await eventually(async () => {
        const { hanging } = (await platform.simulator.stats()) as unknown as { hanging: number };
        expect(hanging).toBe(1);
      });
      await platform.apps.dispatcher.kill();
      expect([await tool.ended, tool.output()]).toEqual([0, expect.any(String)]);
      await platform.apps.dispatcher.start();
      const end = await fate(command.id, 3);
      expect(end.type).toBe(`whatsapp.dispatch.${accept ? 'accepted' : 'dead-lettered'}.v1`);
      expect(await idsAt(number)).toHaveLength(accept ? 1 : 0);
    },
    90_000,
  );
});
