import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import ConnectionPool from 'kafkajs/src/network/connectionPool';
import { eventually, testKafka, type TestKafka, testLogger } from '../../../test/kit';
import { partitionOf } from './partition-of';
import type * as Clients from './produce-client';
import { connectProduceClient, type ProduceClient } from './produce-client';
import { createVerifiedProducer, type VerifiedProducer } from './verified-producer';
import { GapError } from './write-faults';

jest.mock('./produce-client', () => {
  const actual = jest.requireActual<typeof Clients>('./produce-client');
  return { connectProduceClient: jest.fn(actual.connectProduceClient) };
});
const { connectProduceClient: connectReal } = jest.requireActual<typeof Clients>('./produce-client');

type Produce = ProduceClient['produce'];
type Answers = { topics: { topicName: string; partitions: object[] }[] };

/** Every new client sends through what `wrap` makes of its own `produce`. */
function wrapClients(wrap: (produce: Produce, client: number) => Produce): { clients: number } {
  const made = { clients: 0 };
  jest.mocked(connectProduceClient).mockImplementation(async (...args) => {
    const client = await connectReal(...args);
    return { ...client, produce: wrap(client.produce, made.clients++) };
  });
  return made;
}

/** Requests of these kinds are not sent but answered like this, while `applies`. */
function answerInstead(answers: Readonly<Record<string, () => unknown>>, applies: () => boolean): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const send = ConnectionPool.prototype.send;
  jest.spyOn(ConnectionPool.prototype, 'send').mockImplementation(function (this: ConnectionPool, call) {
    const answer = answers[call.request.apiName];
    return answer !== undefined && applies() ? Promise.resolve(answer()) : send.call(this, call);
  });
}

const never = new Promise<never>(() => undefined);
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
    jest.mocked(connectProduceClient).mockImplementation(connectReal);
    kafka = await testKafka(['records']);
  });

  afterEach(async () => {
    jest.restoreAllMocks();
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
    const large = Buffer.alloc(1_100_000, 'x');
    wrapClients((produce) => (leader, batches) => {
      const grown = batches.map((batch) => ({
        ...batch,
        records: batch.records.map((record) =>
          String(record.value) === 'large' ? { ...record, value: large } : record,
        ),
      }));
      return produce(leader, grown);
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

  const said = (partition: number, errorCode: number) => (): Answers => ({
    topics: [
      {
        topicName: `${kafka.config.KAFKA_PREFIX}records`,
        partitions: [{ partition, errorCode, baseOffset: errorCode === 0 ? '7' : '-1' }],
      },
    ],
  });

  it.each([
    ['is empty', (): Answers => ({ topics: [] })],
    ['is about another partition', () => said(2, 0)()],
    [
      'is about another topic',
      (): Answers => ({
        topics: [{ topicName: 'other', partitions: [{ partition: 0, errorCode: 0, baseOffset: '7' }] }],
      }),
    ],
  ])('writes over new connections what an answer that %s does not confirm', async (_, answer) => {
    // As a client does that asks the wrong broker: success is reported and nothing is written, for ever.
    const made = wrapClients((produce) => produce);
    answerInstead({ Produce: answer }, () => made.clients === 1);
    const { send } = await create();
    const written = await Promise.all(
      ['a', 'b', 'c'].map((value) => send({ topic: 'records', partition: 0, key: null, value })),
    );
    expect(written.map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect((await stored()).map(({ value }) => value)).toEqual(['a', 'b', 'c']);
    expect(made.clients).toBe(2);
  });

  it('sends again over the same connections what a broker did not write, and over new ones when it says too often that it does not lead', async () => {
    const made = wrapClients((produce) => produce);
    let refusals = 3;
    answerInstead({ Produce: () => said(0, 6)() }, () => refusals-- > 0);
    const { send } = await create();
    const record = { topic: 'records', partition: 0, key: null, value: 'a' };
    await expect(send(record)).resolves.toMatchObject({ offset: 0 });
    expect(made.clients).toBe(1);
    refusals = Infinity;
    const misled = send(record);
    await eventually(() => expect(made.clients).toBe(2));
    refusals = 0;
    await expect(misled).resolves.toMatchObject({ offset: 1 });
  });

  it('writes over new connections what kafkajs neither sends nor refuses', async () => {
    const made = wrapClients((produce) => produce);
    answerInstead({ Produce: () => never }, () => made.clients === 1);
    const { send } = await create();
    await expect(send({ topic: 'records', key: null, value: 'a' })).resolves.toMatchObject({ offset: 0 });
    expect(made.clients).toBe(2);
  });

  it('connects anew when it never hears who leads what', async () => {
    const made = wrapClients((produce) => produce);
    const { send } = await create();
    const answers = [() => said(0, 6)(), () => never];
    const next = () => answers.shift()!();
    answerInstead({ Produce: next, Metadata: next }, () => answers.length > 0);
    await send({ topic: 'records', partition: 0, key: null, value: 'a' });
    await eventually(() => expect(made.clients).toBe(2));
  });

  it('fails to start, and leaves no connection behind, when what accepts connections never answers', async () => {
    const before = connections();
    const accepted: Socket[] = [];
    const mute = createServer((socket) => accepted.push(socket.on('error', () => undefined))).listen(
      0,
      '127.0.0.1',
    );
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    const config = { ...kafka.config, KAFKA_BROKERS: [`127.0.0.1:${port}`] };
    const made = createVerifiedProducer({
      config,
      clientId: 'spec',
      topics: ['records'],
      logger: testLogger,
    });
    await expect(made).rejects.toThrow('Kafka did not answer');
    mute.close();
    for (const socket of accepted) socket.resume();
    await eventually(() => expect(connections()).toBe(before));
    expect(accepted).not.toEqual([]);
  });

  it('tells the partitions of one answer apart: what was written is confirmed, what was not is sent again', async () => {
    let isFirst = true;
    wrapClients((produce) => async (leader, batches) => {
      if (!isFirst) return produce(leader, batches);
      isFirst = false;
      const kept = batches.filter(({ partition }) => partition !== 1);
      const outcomes = await produce(leader, kept);
      return batches.map((batch) =>
        batch.partition === 1 ? { error: new Error('NOT_ENOUGH_REPLICAS') } : outcomes[kept.indexOf(batch)]!,
      );
    });
    const { send } = await create();
    const sends = ['a', 'b', 'c', 'd', 'e', 'f'].map((value, index) =>
      send({ topic: 'records', partition: index % 3, key: null, value }),
    );
    await Promise.all(sends);
    expect((await stored()).map(({ value, partition }) => `${partition}${value}`)).toEqual([
      '0a',
      '0d',
      '1b',
      '1e',
      '2c',
      '2f',
    ]);
  });

  it('leaves no connection behind when connections are replaced under a request', async () => {
    const before = connections();
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const made = wrapClients((produce, client) => async (leader, batches) => {
      if (client > 0) return produce(leader, batches);
      await held;
      throw Object.assign(new Error('late'), { name: 'KafkaJSRequestTimeoutError' });
    });
    const { send, close } = await create();
    const written = send({ topic: 'records', partition: 1, key: null, value: 'v' });
    release!();
    await expect(written).resolves.toMatchObject({ partition: 1, offset: 0 });
    expect(made.clients).toBe(2);
    await close();
    await eventually(() => expect(connections()).toBe(before));
  });

  it('gives everything back at once when asked, sends none of it again, and writes what comes later behind it', async () => {
    let answer: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    wrapClients((produce) => async (leader, batches) => {
      await held;
      return produce(leader, batches);
    });
    const { send, giveUp } = await create();
    const record = (value: string) => ({ topic: 'records', partition: 0, key: null, value });
    const underWay = send(record('under way'));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = send(record('waiting'));
    giveUp();
    const outcomes = await Promise.allSettled([underWay, waiting]);
    expect(outcomes).toMatchObject([{ reason: { reason: 'given-up' } }, { reason: { reason: 'given-up' } }]);
    const later = send(record('later'));
    answer!();
    await later;
    expect((await stored()).map(({ value }) => value)).toEqual(['under way', 'later']);
  });

  it('answers at the given time when the brokers do not, and does not send again what was given up', async () => {
    let sends = 0;
    wrapClients((produce, client) => (leader, batches) => {
      sends += batches.flatMap(({ records }) => records).length;
      return client === 0
        ? Promise.resolve(batches.map(() => ({ error: new GapError('gap') })))
        : produce(leader, batches);
    });
    const { send } = await create();
    const began = Date.now();
    const late = send({ topic: 'records', partition: 0, key: null, value: 'late' }, { timeoutMs: 1 });
    await expect(late).rejects.toMatchObject({ reason: 'timeout' });
    expect(Date.now() - began).toBeLessThan(2500);
    await send({ topic: 'records', partition: 0, key: null, value: 'next' });
    expect((await stored()).map(({ value }) => value)).toEqual(['next']);
    expect(sends).toBe(2);
  });

  it('answers everybody when it closes, and refuses what comes later', async () => {
    let fail: (() => void) | undefined;
    const never = new Promise<never>((_, reject) => (fail = () => reject(new Error('the end'))));
    wrapClients(
      (produce) => (leader, batches) => (batches[0]?.partition === 1 ? never : produce(leader, batches)),
    );
    const { send, close } = await create();
    const written = send({ topic: 'records', partition: 0, key: null, value: 'written' });
    await written;
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
      `Kafka has no topic ${kafka.config.KAFKA_PREFIX}missing. Create the topics with: talaria topics apply`,
    );
    await eventually(() => expect(connections()).toBe(before));
  });
});
