import BrokerPool from 'kafkajs/src/cluster/brokerPool';
import {
  checkAcknowledged,
  numberedId,
  readMessageIds,
  testKafka,
  type TestKafka,
  testLogger,
} from '../../../test/kit';
import { createKafka } from './create-kafka';
import { createVerifiedProducer } from './verified-producer';

const PARTITIONS = 3;
const MESSAGES = 200;

/**
 * kafkajs 2.2.4 can give a broker another broker's node id when connections break while it refreshes its metadata. From then on it builds
 * empty requests for that broker, and reports success for records that it never sent.
 */
describe('with a corrupted broker map', () => {
  let kafka: TestKafka;
  /** Those of all clients that were made, oldest first. */
  const pools: BrokerPool[] = [];

  beforeAll(() => {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this`
    const { connect } = BrokerPool.prototype;
    jest.spyOn(BrokerPool.prototype, 'connect').mockImplementation(function (this: BrokerPool) {
      if (!pools.includes(this)) pools.push(this);
      return connect.call(this);
    });
  });
  afterAll(() => jest.restoreAllMocks());

  beforeEach(async () => {
    pools.length = 0;
    kafka = await testKafka(['records'], PARTITIONS);
  });
  afterEach(() => kafka.close());

  const corrupt = () => {
    for (const broker of pools.flatMap(({ brokers }) => Object.values(brokers))) broker.nodeId += 1000;
  };
  const recordOf = (number: number) => {
    const id = numberedId(number % PARTITIONS, number);
    return { id, partition: number % PARTITIONS, value: JSON.stringify({ id }) };
  };
  const numbers = Array.from({ length: MESSAGES }, (_, number) => number);

  /** Sends the first half in order, corrupts the map, sends the rest. @returns what the checker says of what was acknowledged */
  const check = async (send: (record: ReturnType<typeof recordOf>) => Promise<unknown>) => {
    const acknowledged: string[] = [];
    for (const number of numbers) {
      if (number === MESSAGES / 2) corrupt();
      const record = recordOf(number);
      await send(record);
      acknowledged.push(record.id);
    }
    return checkAcknowledged(acknowledged, await readMessageIds(kafka.config, 'records'));
  };

  it('a producer whose answers nobody checks loses everything from then on, without an error', async () => {
    const producer = createKafka(kafka.config, 'spec', testLogger).producer({ idempotent: false });
    await producer.connect();
    const answers: unknown[] = [];
    const report = await check(async ({ partition, value }) => {
      const topic = `${kafka.config.KAFKA_PREFIX}records`;
      answers.push(await producer.send({ topic, acks: -1, messages: [{ partition, value }] }));
    }).finally(() => producer.disconnect());
    expect(answers.at(-1)).toEqual([]);
    expect(report.lost).toEqual(numbers.slice(MESSAGES / 2).map((number) => recordOf(number).id));
  });

  it('the verified producer loses nothing: it goes by the connection, not by its label', async () => {
    const producer = await createVerifiedProducer({
      config: kafka.config,
      clientId: 'spec',
      topics: ['records'],
      logger: testLogger,
    });
    const report = await check(async ({ partition, value }) => {
      await producer.send({ topic: 'records', key: null, partition, value });
    }).finally(() => producer.close());
    expect(report).toEqual({
      acknowledged: MESSAGES,
      present: MESSAGES,
      lost: [],
      copies: 0,
      outOfOrder: [],
    });
  });
});
