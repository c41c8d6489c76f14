import { type Producer } from 'kafkajs';
import { eventually, testKafka, type TestKafka, testLogger } from '../../../test/kit';
import type * as CreateKafka from './create-kafka';
import { createKafka } from './create-kafka';
import { partitionOf } from './partition-of';
import { createVerifiedProducer, type VerifiedProducer } from './verified-producer';

jest.mock('./create-kafka', () => {
  const actual = jest.requireActual<typeof CreateKafka>('./create-kafka');
  return { createKafka: jest.fn(actual.createKafka) };
});
const { createKafka: realKafka } = jest.requireActual<typeof CreateKafka>('./create-kafka');

type Send = Producer['send'];

/** Every new kafkajs producer sends through what `wrap` makes of its own `send`. */
function wrapSends(wrap: (send: Send, client: number) => Send): { clients: number } {
  const made = { clients: 0 };
  jest.mocked(createKafka).mockImplementation((...args) => {
    const kafka = realKafka(...args);
    const makeProducer = kafka.producer.bind(kafka);
    kafka.producer = (options) => {
      const producer = makeProducer(options);
      producer.send = wrap(producer.send.bind(producer), made.clients++);
      return producer;
    };
    return kafka;
  });
  return made;
}

const connections = () =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;

describe('the verified producer', () => {
  let kafka: TestKafka;
  let producer: VerifiedProducer | undefined;

  const create = async (maxBufferedBytes?: number) =>
    (producer = await createVerifiedProducer({
      config: kafka.config,
      clientId: 'spec',
      topics: ['records'],
      logger: testLogger,
      ...(maxBufferedBytes !== undefined && { maxBufferedBytes }),
    }));
  const stored = async () =>
    (await kafka.readAll('records')).map(({ value, partition, offset }) => ({
      value: String(value),
      partition,
      offset,
    }));

  beforeEach(async () => {
    jest.mocked(createKafka).mockImplementation(realKafka);
    kafka = await testKafka(['records']);
  });

  afterEach(async () => {
    await producer?.close();
    producer = undefined;
    await kafka.close();
  });

  it('tells where each of thousands of records lies, and keeps the order of calls within a partition', async () => {
    const { send } = await create();
    const values = Array.from({ length: 3000 }, (_, index) => `value ${index}`);
    const keyOf = (value: string) => `key ${Number(value.slice(6)) % 40}`;
    const written = await Promise.all(
      values.map((value) => send({ topic: 'records', key: keyOf(value), value })),
    );
    const told = values.map((value, index) => ({
      value,
      partition: written[index]!.partition,
      offset: written[index]!.offset,
    }));
    told.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
    const found = await stored();
    expect(found).toEqual(told);
    for (const partition of [0, 1, 2]) {
      const order = found.filter((one) => one.partition === partition).map(({ value }) => value);
      expect(order).toEqual(values.filter((value) => partitionOf(keyOf(value), 3) === partition));
    }
  });

  it('refuses a record that is too large alone, and writes the others of its batch in order', async () => {
    // By their size they would not leave together: the broker is made to refuse the batch for one of them.
    wrapSends((send) => (request) => {
      const large = request.messages.filter(({ value }) => value === 'large');
      return send({
        ...request,
        messages: [
          ...request.messages.filter((one) => !large.includes(one)),
          ...large.map((one) => ({ ...one, value: 'x'.repeat(1_100_000) })),
        ],
      });
    });
    const { send } = await create();
    const values = ['a', 'b', 'large', 'c', 'd'];
    const results = await Promise.allSettled(
      values.map((value) => send({ topic: 'records', partition: 1, key: null, value })),
    );
    expect(results.map(({ status }) => status)).toEqual(
      values.map((value) => (value === 'large' ? 'rejected' : 'fulfilled')),
    );
    expect(results[2]).toMatchObject({ reason: { reason: 'refused' } });
    expect((await stored()).map(({ value }) => value)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('refuses a partition that the topic does not have, and a topic that it was not made for', async () => {
    const { send } = await create();
    const record = { topic: 'records', key: null, value: 'v' };
    await expect(send({ ...record, partition: 3 })).rejects.toMatchObject({ reason: 'refused' });
    await expect(send({ ...record, topic: 'others' })).rejects.toThrow('not made for topic others');
  });

  it('refuses at once when its buffer is full, and takes records again when there is room', async () => {
    const { send } = await create(2000);
    const record = { topic: 'records', key: null, value: 'v'.repeat(1000) };
    const first = send(record);
    await expect(send(record)).rejects.toMatchObject({ reason: 'full' });
    await first;
    await expect(send(record)).resolves.toMatchObject({ offset: 1 });
  });

  it.each([
    ['empty', () => []],
    [
      'about another partition',
      () => [{ topicName: 'records', partition: 2, errorCode: 0, baseOffset: '7' }],
    ],
    ['an error', () => [{ topicName: 'records', partition: 0, errorCode: 6, baseOffset: '-1' }]],
  ])('writes with a new client what an answer that is %s does not confirm', async (_, answer) => {
    // As kafkajs does with a corrupted broker map (P25): success is reported and nothing is written, for ever.
    const made = wrapSends((send, client) => (client === 0 ? () => Promise.resolve(answer()) : send));
    const { send } = await create();
    const written = await Promise.all(
      ['a', 'b', 'c'].map((value) => send({ topic: 'records', partition: 0, key: null, value })),
    );
    expect(written.map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect((await stored()).map(({ value }) => value)).toEqual(['a', 'b', 'c']);
    expect(made.clients).toBe(2);
  });

  it('replaces a broken client once, under the sends of other partitions, and leaves no connection behind', async () => {
    const before = connections();
    const made = wrapSends((send, client) => async (request) => {
      const partition = request.messages[0]?.partition;
      if (client === 0 && partition === 0) return [];
      // Keeps the client busy while it is replaced: one of these sends is under way then.
      for (let more = 20; client === 0 && more > 0; more -= made.clients - 1) await send(request);
      return send(request);
    });
    const { send, close } = await create();
    const other = send({ topic: 'records', partition: 1, key: null, value: 'other' });
    await send({ topic: 'records', partition: 0, key: null, value: 'gap' });
    await expect(other).resolves.toMatchObject({ partition: 1 });
    expect(made.clients).toBe(2);
    await close();
    await eventually(() => expect(connections()).toBe(before));
  });

  it('answers at the given time when the brokers do not, and does not send again what was given up', async () => {
    let sends = 0;
    wrapSends((send, client) => (request) => {
      sends += request.messages.length;
      return client === 0 ? Promise.resolve([]) : send(request);
    });
    const { send } = await create();
    const began = Date.now();
    const late = send({ topic: 'records', partition: 0, key: null, value: 'late' }, { timeoutMs: 1 });
    await expect(late).rejects.toMatchObject({ reason: 'timeout' });
    expect(Date.now() - began).toBeLessThan(1000);
    await send({ topic: 'records', partition: 0, key: null, value: 'next' });
    expect((await stored()).map(({ value }) => value)).toEqual(['next']);
    expect(sends).toBe(2);
  });

  it('answers everybody when it closes, and refuses what comes later', async () => {
    let fail: (() => void) | undefined;
    const never = new Promise<never>((_, reject) => (fail = () => reject(new Error('the end'))));
    wrapSends((send) => (request) => (request.messages[0]?.partition === 1 ? never : send(request)));
    const { send, close } = await create();
    const written = send({ topic: 'records', partition: 0, key: null, value: 'written' });
    const stuck = send({ topic: 'records', partition: 1, key: null, value: 'stuck' });
    const behind = send({ topic: 'records', partition: 1, key: null, value: 'behind' });
    const outcomes = Promise.allSettled([written, stuck, behind]);
    await close();
    fail!();
    expect(await outcomes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { reason: 'closed' } },
      { status: 'rejected', reason: { reason: 'closed' } },
    ]);
    await expect(send({ topic: 'records', key: null, value: 'v' })).rejects.toMatchObject({
      reason: 'closed',
    });
  });

  it('names at its start a topic that does not exist, and what to do', async () => {
    const before = connections();
    const create = createVerifiedProducer({
      config: kafka.config,
      clientId: 'spec',
      topics: ['records', 'missing'],
      logger: testLogger,
    });
    await expect(create).rejects.toThrow(
      `Kafka has no topic ${kafka.config.KAFKA_PREFIX}missing. Create the topics with: npm run topics`,
    );
    await eventually(() => expect(connections()).toBe(before));
  });
});
