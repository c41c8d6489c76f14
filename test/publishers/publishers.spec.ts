import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headers, type SendMessage, topics } from '@talaria/contracts';
import { type KafkaRecord, partitionOf } from '@talaria/kafka';
import { query } from '../../tools/platform/database';
import { type Platform } from '../../tools/platform/platform';
import { repositoryRoot } from '../../tools/stack/repository';
import { eventually, kafkaConfigOf, readAll, testPlatform } from '../kit';
import { compileBesideClient, findJava, findKcat, findPython, run, type Runtime } from './runtimes';

const root = repositoryRoot();
const WABAS = 8;
const numbers = Array.from({ length: WABAS }, (_, index) => ({
  wabaId: `81000${index}`,
  phoneNumberId: `82000${index}`,
  displayPhoneNumber: `+1 555 010 800${index}`,
  accessToken: `token-${index}`,
}));
const [python, kcat, java] = [findPython(), findKcat(), findJava()];
const shell: Runtime = 'missing' in kcat ? kcat : { command: 'bash', args: [] };

let platform: Platform;

beforeAll(async () => {
  platform = await testPlatform('publishers');
  for (const number of numbers) await platform.addNumber(number);
  await platform.addAnother('dispatcher', 'dispatcher-2');
}, 120_000);

afterAll(() => platform.stop(), 60_000);

/** Skipped, saying what is missing, where the runtime is not there. */
const where = (runtime: Runtime) => ('missing' in runtime ? it.skip : it);
const titleOf = (title: string, runtime: Runtime) =>
  'missing' in runtime ? `${title} (skipped: ${runtime.missing})` : title;

/** For each number 30 messages, in turn to three people. */
function someCommands(publisher: string): SendMessage[] {
  return Array.from({ length: 30 * WABAS }, (_, n) => {
    const { wabaId, phoneNumberId } = numbers[n % WABAS]!;
    return {
      id: `${publisher}-${n}`,
      wabaId,
      phoneNumberId,
      to: `+1555000${String(Math.floor(n / WABAS) % 3).padStart(4, '0')}`,
      message: { type: 'text', text: { body: 'hello' } },
    };
  });
}

const linesOf = (commands: readonly SendMessage[]) =>
  commands.map((command) => `${command.wabaId}\t${JSON.stringify(command)}\n`).join('');

/** What lies on `whatsapp.outbound` of these commands: as they were published, and forwarded. */
async function onOutbound(commands: readonly SendMessage[]) {
  const byValue = new Map(commands.map((command) => [JSON.stringify(command), command]));
  const all = (await readAll(kafkaConfigOf(platform), topics.outbound.name)).flatMap((record) => {
    const command = byValue.get(String(record.value));
    return command === undefined ? [] : [{ record, command }];
  });
  const isForwarded = ({ record }: { record: KafkaRecord }) =>
    record.headers[headers.rekeyedTo] !== undefined;
  return { published: all.filter((one) => !isForwarded(one)), forwarded: all.filter(isForwarded) };
}

type Sent = { readonly id: string; readonly person: string };

function byPerson(some: readonly Sent[]): Map<string, string[]> {
  const ids = new Map<string, string[]>();
  for (const { id, person } of some) ids.set(person, [...(ids.get(person) ?? []), id]);
  return ids;
}

/** Every command was sent once, by the one process that owns its WABA, and each person got theirs in the order of publishing. */
async function expectSentInOrder(publisher: string, commands: readonly SendMessage[]): Promise<void> {
  await eventually(async () => {
    const accepted = (await platform.simulator.accepted()).map(({ callbackData, phoneNumberId, to }) => ({
      id: callbackData?.split('/')[1] ?? '',
      person: `${phoneNumberId} ${to}`,
    }));
    const ours = accepted.filter(({ id }) => id.startsWith(`${publisher}-`));
    const asked = commands.map(({ id, phoneNumberId, to }) => ({ id, person: `${phoneNumberId} ${to}` }));
    expect(byPerson(ours)).toEqual(byPerson(asked));
  }, 60_000);
  const owners = await query<{ waba: string; owners: string }>(
    platform.databaseUrl,
    `SELECT waba_id AS waba, count(DISTINCT owner) AS owners FROM dispatch_commands WHERE command_id LIKE $1 GROUP BY waba_id`,
    [`${publisher}-%`],
  );
  expect(owners.map(({ owners: count }) => Number(count))).toEqual(numbers.map(() => 1));
}

describe('what a publisher with another partitioner put elsewhere is forwarded, unchanged and once, from', () => {
  const publishers = [
    ['librdkafka', python, ['test/publishers/publish.py', 'confluent-kafka']],
    ['kcat', kcat, ['-P', '-H', 'x-own=kept', '-K', '\t', '-b']],
  ] as const;

  for (const [publisher, runtime, args] of publishers) {
    where(runtime)(
      titleOf(publisher, runtime),
      async () => {
        const commands = someCommands(publisher);
        const topic = platform.kafkaPrefix + topics.outbound.name;
        const target =
          publisher === 'kcat' ? [platform.kafkaBrokers, '-t', topic] : [platform.kafkaBrokers, topic];
        await run(runtime, [...args, ...target], { input: linesOf(commands) });
        await expectSentInOrder(publisher, commands);

        const { published, forwarded } = await onOutbound(commands);
        expect(published).toHaveLength(commands.length);
        const rightOf = (command: SendMessage) => partitionOf(command.wabaId, topics.outbound.partitions);
        const strays = published.filter(({ record, command }) => record.partition !== rightOf(command));
        // Of eight keys CRC-32 puts one or none where murmur2 does.
        expect(strays.length).toBeGreaterThan(commands.length / 2);
        const firstPlaces = forwarded.map(({ record, command }) => {
          expect(record.partition).toBe(rightOf(command));
          expect(String(record.key)).toBe(command.wabaId);
          expect(record.headers['x-own']).toBe('kept');
          expect(record.headers[headers.originalTopic]).toBe(topics.outbound.name);
          return `${record.headers[headers.originalPartition]}/${record.headers[headers.originalOffset]}`;
        });
        expect(firstPlaces.sort()).toEqual(
          strays.map(({ record }) => `${record.partition}/${record.offset}`).sort(),
        );
      },
      120_000,
    );
  }
});

describe('nothing is forwarded from', () => {
  where(python)(
    titleOf('kafka-python, which has the partitioner of the Java client', python),
    async () => {
      const commands = someCommands('kafka-python');
      const topic = platform.kafkaPrefix + topics.outbound.name;
      const args = ['test/publishers/publish.py', 'kafka-python', platform.kafkaBrokers, topic];
      await run(python, args, { input: linesOf(commands) });
      await expectSentInOrder('kafka-python', commands);
      const { published, forwarded } = await onOutbound(commands);
      expect([published.length, forwarded.length]).toEqual([commands.length, 0]);
    },
    120_000,
  );
});

describe('the example publishes a command where it belongs and tells its fate, in', () => {
  async function expectSent(runtime: Runtime, program: string): Promise<void> {
    const { wabaId, phoneNumberId } = numbers[0]!;
    const env = {
      KAFKA_BROKERS: platform.kafkaBrokers,
      KAFKA_PREFIX: platform.kafkaPrefix,
      WABA_ID: wabaId,
      PHONE_NUMBER_ID: phoneNumberId,
      TO: '+15550001111',
    };
    const [id, fate, wamid] = (await run(runtime, [program], { env })).trim().split(' ');
    expect(fate).toBe('accepted');
    const sent = (await platform.simulator.accepted()).filter((one) => one.wamid === wamid);
    expect(sent.map(({ callbackData }) => callbackData)).toEqual([`talaria/${id}/1`]);
    const records = await readAll(kafkaConfigOf(platform), topics.outbound.name);
    const ours = records.filter(({ value }) => String(value).includes(`"${id}"`));
    expect(ours.map(({ partition }) => partition)).toEqual([partitionOf(wabaId, topics.outbound.partitions)]);
  }

  const examples = [
    ['Java', java, 'examples/java/PublishCommand.java'],
    ['Python', python, 'examples/python/publish_command.py'],
    ['the shell, with kcat', shell, 'examples/kcat/publish-command.sh'],
  ] as const;

  for (const [language, runtime, file] of examples) {
    where(runtime)(titleOf(language, runtime), () => expectSent(runtime, join(root, file)), 70_000);
  }

  it('TypeScript, with the client as npm installs it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'talaria-product-'));
    try {
      const example = join(root, 'examples/typescript/publish-command.ts');
      const program = await compileBesideClient(example, folder);
      await expectSent({ command: process.execPath, args: [] }, program);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 240_000);
});
