import { eventually, startOwnKafka, testKafka, type TestKafka, testLogger } from '../../../test/kit';
import { type Broker, type Stack } from '../../../tools/stack/stack';
import { startConsumer } from './consumer';
import { createVerifiedProducer } from './verified-producer';

const { KAFKA_BROKERS } = process.env;

/** With a broker of its own, which is frozen (its connections stay open and nothing answers) and killed. */
describe('while the broker is away', () => {
  let stack: Stack;
  let broker: Broker;
  let kafka: TestKafka;
  let open: { close(): Promise<void> }[];

  beforeAll(async () => {
    stack = await startOwnKafka();
    broker = stack.brokers[0]!;
    process.env.KAFKA_BROKERS = stack.kafkaBrokers;
  }, 90_000);

  afterAll(async () => {
    process.env.KAFKA_BROKERS = KAFKA_BROKERS;
    await stack.stop();
  }, 30_000);

  beforeEach(async () => {
    open = [];
    kafka = await testKafka(['records'], 2);
  });
  afterEach(async () => {
    broker.resume();
    await broker.start();
    await Promise.all(open.map((one) => one.close()));
    await kafka.close();
  });

  it('records are given up in time, the others are written when it is back, after a freeze as after a crash', async () => {
    const producer = await createVerifiedProducer({
      config: kafka.config,
      clientId: 'spec',
      topics: ['records'],
      logger: testLogger,
    });
    open.push(producer);
    const send = (value: string, timeoutMs?: number) =>
      producer.send({ topic: 'records', partition: 0, key: null, value }, timeoutMs ? { timeoutMs } : {});
    await send('before');

    broker.pause();
    const began = Date.now();
    const patient = send('patient');
    const outcomes = await Promise.allSettled([send('late', 300), send('late too', 300)]);
    expect(Date.now() - began).toBeLessThan(2500);
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { reason: 'timeout' } },
      { status: 'rejected', reason: { reason: 'timeout' } },
    ]);
    // Until a request has timed out and a new client was asked for, which cannot connect.
    await eventually(() => expect(producer.fault()).toBeDefined(), 10_000);
    broker.resume();
    await patient;
    await send('between');

    await broker.kill();
    const during = send('during');
    await eventually(() => expect(producer.fault()).toBeDefined());
    await broker.start();
    await during;
    expect(producer.fault()).toBeUndefined();
    const after = await send('after');
    const found = (await kafka.readAll('records')).map(({ value, offset }) => ({
      value: String(value),
      offset,
    }));
    expect(found.at(-1)).toEqual({ value: 'after', offset: after.offset });
    const firsts = [...new Set(found.map(({ value }) => value))].filter((value) => !value.startsWith('late'));
    expect(firsts).toEqual(['before', 'patient', 'between', 'during', 'after']);
  }, 60_000);

  it('a consumer counts as alive, because it goes on trying', async () => {
    let now = 0;
    const consumer = await startConsumer({
      ...{ config: kafka.config, groupId: 'alive', logger: testLogger, onFatal: () => undefined },
      handlers: new Map([['records', () => Promise.resolve(undefined)]]),
      clock: { now: () => now },
    });
    open.push(consumer);
    const nothingFor = 'has neither asked the brokers nor tried to for 120 s';
    for (const how of ['frozen', 'killed']) {
      if (how === 'frozen') broker.pause();
      else await broker.kill();
      // The first may be the answer to what was under way before.
      for (let sign = 0; sign < 3; sign++) {
        now += 121_000;
        expect(consumer.fault()).toBe(nothingFor);
        await eventually(() => expect(consumer.fault()).toBeUndefined(), 30_000);
      }
      broker.resume();
    }
  }, 90_000);

  it('a consumer that its group does not confirm any more lets go of its records, and they come again', async () => {
    const batches: { offsets: number[]; lost: AbortSignal; done: (offset: number) => void }[] = [];
    const told: number[] = [];
    const consumer = await startConsumer({
      config: kafka.config,
      groupId: 'group',
      onAssigned: ({ partition }) => void told.push(partition),
      logger: testLogger,
      sessionTimeoutMs: 6000,
      onFatal: () => undefined,
      handlers: new Map([
        [
          'records',
          ({ records, lost, done }) => {
            batches.push({ offsets: records.map(({ offset }) => offset), lost, done });
            return Promise.resolve(undefined);
          },
        ],
      ]),
    });
    const producer = await createVerifiedProducer({
      config: kafka.config,
      clientId: 'spec',
      topics: ['records'],
      logger: testLogger,
    });
    open.push(producer, consumer);
    await Promise.all(
      ['a', 'b', 'c'].map((value) => producer.send({ topic: 'records', partition: 0, key: null, value })),
    );
    await eventually(() => expect(batches.flatMap(({ offsets }) => offsets)).toEqual([0, 1, 2]));
    batches[0]!.done(0);

    const frozenAt = Date.now();
    broker.pause();
    await eventually(() => expect(batches.every(({ lost }) => lost.aborted)).toBe(true));
    expect(Date.now() - frozenAt).toBeLessThan(6000);
    const before = batches.length;
    expect(told.sort()).toEqual([0, 1]);
    broker.resume();
    await eventually(
      () =>
        expect(batches.slice(before).flatMap(({ offsets }) => offsets)).toEqual(
          expect.arrayContaining([1, 2]),
        ),
      30_000,
    );
    expect(new Set(told.slice(2))).toEqual(new Set([0, 1]));
    for (const { offsets, done } of batches.slice(before)) for (const offset of offsets) done(offset);
  }, 60_000);
});
