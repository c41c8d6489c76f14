import { randomUUID } from 'node:crypto';
import { cloudEventHeaders, type DispatchEventType, type SendMessage, topics } from '@talaria/contracts';
import { createKafka, partitionOf } from '@talaria/kafka';
import { type Producer } from 'kafkajs';
import { testKafka, type TestKafka, testLogger } from '../../../test/kit';
import {
  type CommandRef,
  connectTalaria,
  fakeTalaria,
  InvalidCommandError,
  NoFateError,
  NotPublishedError,
  type Talaria,
} from '.';

/** The same promises from both. */
type World = {
  readonly talaria: Talaria;
  published(): Promise<readonly SendMessage[]>;
  accept(command: CommandRef, wamid: string): void | Promise<void>;
  fail(command: CommandRef, wamid: string): void | Promise<void>;
  deadLetter(command: CommandRef, cause: string): void | Promise<void>;
};

let kafka: TestKafka;
let dispatcher: Producer;

beforeAll(async () => {
  kafka = await testKafka([topics.outbound.name, topics.dispatches.name]);
  dispatcher = createKafka(kafka.config, 'test-dispatcher', testLogger).producer();
  await dispatcher.connect();
}, 30_000);

afterAll(async () => {
  await dispatcher.disconnect();
  await kafka.close();
});

const connect = () =>
  connectTalaria({ brokers: kafka.config.KAFKA_BROKERS, prefix: kafka.config.KAFKA_PREFIX });

async function tell(
  { wabaId, id }: CommandRef,
  state: string,
  data: Readonly<Record<string, unknown>> = {},
  version = 1,
): Promise<void> {
  const event = {
    id: `${wabaId}/${id}/${version}`,
    type: `whatsapp.dispatch.${state}.v1` as DispatchEventType,
    source: 'talaria/dispatcher',
    time: new Date().toISOString(),
    subject: id,
    data: { wabaId, commandId: id, phoneNumberId: '2000', version, attempt: 1, ...data },
  };
  const messages = [{ key: wabaId, value: JSON.stringify(event.data), headers: cloudEventHeaders(event) }];
  await dispatcher.send({ topic: kafka.config.KAFKA_PREFIX + topics.dispatches.name, acks: -1, messages });
}

async function realWorld(): Promise<World> {
  return {
    talaria: await connect(),
    async published() {
      const all = await kafka.readAll(topics.outbound.name);
      return all.map(({ value }) => JSON.parse(String(value)) as SendMessage);
    },
    accept: (command, wamid) => tell(command, 'accepted', { wamid }),
    fail: (command, wamid) => tell(command, 'failed', { wamid }, 2),
    deadLetter: (command, cause) => tell(command, 'dead-lettered', { cause }),
  };
}

function fakeWorld(): Promise<World> {
  const talaria = fakeTalaria();
  return Promise.resolve({
    talaria,
    published: () => Promise.resolve(talaria.published),
    accept: (command, wamid) => talaria.accept(command, wamid),
    fail: (command, wamid) => talaria.fail(command, wamid),
    deadLetter: (command, cause) => talaria.deadLetter(command, cause),
  });
}

const aCommand = (fields: Partial<SendMessage> = {}): SendMessage => ({
  id: `cmd-${randomUUID()}`,
  wabaId: '1000',
  phoneNumberId: '2000',
  to: '+15550001111',
  message: { type: 'text', text: { body: 'hi' } },
  ...fields,
});
const soon = { timeoutMs: 10_000 };

describe.each([
  ['the client', realWorld],
  ['its fake', fakeWorld],
])('%s', (_, open) => {
  let world: World;

  beforeAll(async () => {
    world = await open();
  });
  afterAll(() => world.talaria.close());

  it('publishes one command or several, in order', async () => {
    const commands = [aCommand(), aCommand({ metadata: { order: '42' } }), aCommand()];
    await world.talaria.publish(commands[0]!);
    await world.talaria.publish(commands.slice(1));
    const ids = new Set(commands.map(({ id }) => id));
    expect((await world.published()).filter(({ id }) => ids.has(id))).toEqual(commands);
  });

  it('refuses what is no command, naming the field, and publishes none of its companions', async () => {
    const [good, bad] = [aCommand(), aCommand({ to: '0155', wabaId: 'x' })];
    const refused = world.talaria.publish([good, bad]);
    await expect(refused).rejects.toBeInstanceOf(InvalidCommandError);
    await expect(refused).rejects.toMatchObject({
      problems: [expect.stringContaining('wabaId'), expect.stringContaining('to')],
    });
    await expect(refused).rejects.not.toThrow('0155');
    expect(await world.published()).not.toContainEqual(good);
  });

  it('refuses a command larger than the dispatcher takes', async () => {
    const large = aCommand({ message: { type: 'opaque', opaque: 'x'.repeat(600_000) } });
    await expect(world.talaria.publish(large)).rejects.toThrow('longer than');
  });

  it('tells the fate of a command: that it waits for, that came before it asked, and both again', async () => {
    const [early, late] = [aCommand(), aCommand()];
    await world.talaria.publish([early, late]);
    await world.accept(early, 'wamid.early');
    expect(await world.talaria.awaitFate(early, soon)).toMatchObject({
      state: 'accepted',
      wamid: 'wamid.early',
    });
    const awaited = world.talaria.awaitFate(late, soon);
    await world.deadLetter(late, 'expired');
    expect(await awaited).toMatchObject({ state: 'dead-lettered', cause: 'expired', commandId: late.id });
    expect(await world.talaria.awaitFate(early, soon)).toMatchObject({ state: 'accepted' });
  });

  it('tells a failure of what had been accepted to whoever asks after it', async () => {
    const command = aCommand();
    await world.accept(command, 'wamid.early');
    await world.fail(command, 'wamid.early');
    // Which events came is known when one that was told later has.
    const later = aCommand({ wabaId: command.wabaId });
    await world.accept(later, 'wamid.later');
    await world.talaria.awaitFate(later, soon);
    expect(await world.talaria.awaitFate(command, soon)).toMatchObject({
      state: 'failed',
      wamid: 'wamid.early',
    });
  });

  it('publishes and tells the fate', async () => {
    const command = aCommand();
    const fate = world.talaria.publishAndAwait(command, soon);
    await world.accept(command, 'wamid.both');
    expect(await fate).toMatchObject({ state: 'accepted', wamid: 'wamid.both' });
  });

  it('keeps apart commands of two WABAs that have one id', async () => {
    const [one, other] = [aCommand({ id: 'same' }), aCommand({ id: 'same', wabaId: '1001' })];
    await world.accept(other, 'wamid.other');
    await world.accept(one, 'wamid.one');
    expect(await world.talaria.awaitFate(one, soon)).toMatchObject({ wamid: 'wamid.one' });
  });

  it('says so when no fate comes in time, and when it is closed', async () => {
    await expect(world.talaria.awaitFate(aCommand(), { timeoutMs: 50 })).rejects.toThrow('within 50 ms');
    const { talaria } = await open();
    const waiting = talaria.awaitFate(aCommand(), soon);
    const told = expect(waiting).rejects.toBeInstanceOf(NoFateError);
    await talaria.close();
    await told;
  });
});

describe('the client', () => {
  it('puts each command where its WABA is owned', async () => {
    const talaria = await connect();
    const commands = ['1', '22', '333'].map((wabaId) => aCommand({ wabaId }));
    await talaria.publish(commands);
    const records = await kafka.readAll(topics.outbound.name);
    for (const { id, wabaId } of commands) {
      const record = records.find(({ value }) => String(value).includes(id));
      expect(record).toMatchObject({ key: Buffer.from(wabaId), partition: partitionOf(wabaId, 3) });
    }
    await talaria.close();
  });

  it('takes neither a retry nor the unknown for a fate', async () => {
    const talaria = await connect();
    const command = aCommand();
    await tell(command, 'retrying');
    await tell(command, 'unknown', {}, 2);
    await tell(command, 'accepted', { wamid: 'w' }, 3);
    await tell(command, 'accepted', { wamid: 'w' }, 3);
    expect(await talaria.awaitFate(command, soon)).toMatchObject({ state: 'accepted', version: 3 });
    await talaria.close();
  });

  it('names what was not confirmed', async () => {
    const talaria = await connect();
    await talaria.close();
    const command = aCommand();
    const refused = talaria.publishAndAwait(command, soon);
    await expect(refused).rejects.toBeInstanceOf(NotPublishedError);
    await expect(refused).rejects.toMatchObject({ commandIds: [command.id] });
  });

  it('does not connect where the topics are not', async () => {
    const elsewhere = connectTalaria({ brokers: kafka.config.KAFKA_BROKERS, prefix: 'nowhere.' });
    await expect(elsewhere).rejects.toThrow('nowhere.whatsapp.outbound');
  });

  it('can do without fates', async () => {
    const talaria = await connectTalaria({
      brokers: kafka.config.KAFKA_BROKERS,
      prefix: kafka.config.KAFKA_PREFIX,
      fates: false,
    });
    await talaria.publish(aCommand());
    await expect(talaria.awaitFate(aCommand(), soon)).rejects.toThrow('without fates');
    await talaria.close();
  });
});

it('the fake fails to publish when the test says so', async () => {
  const talaria = fakeTalaria();
  talaria.failWith(new Error('away'));
  const command = aCommand();
  await expect(talaria.publish(command)).rejects.toMatchObject({ commandIds: [command.id] });
  await expect(talaria.publishAndAwait(command, soon)).rejects.toBeInstanceOf(NotPublishedError);
  talaria.failWith(undefined);
  await talaria.publish(command);
  expect(talaria.published).toEqual([command]);
});
