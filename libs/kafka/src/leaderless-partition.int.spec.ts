import BrokerPool from 'kafkajs/src/cluster/brokerPool';
import ConnectionPool from 'kafkajs/src/network/connectionPool';
import { eventually, startOwnKafka, testKafka, type TestKafka, testLogger } from '../../../test/kit';
import { type Broker, type Stack } from '../../../tools/stack/stack';
import { createKafka } from './create-kafka';
import { fetchLogRanges } from './find-starts';
import { createVerifiedProducer, type VerifiedProducer } from './verified-producer';

const { KAFKA_BROKERS } = process.env;

/** On three brokers, each leading one partition that has no other replica. */
describe('while a partition has no leader', () => {
  let stack: Stack;
  let kafka: TestKafka;
  let stopped: Broker;
  /** Of the stopped broker. */
  let leaderless: number;
  let others: number[];
  const producers: VerifiedProducer[] = [];

  beforeAll(async () => {
    stack = await startOwnKafka({ brokers: 3 });
    process.env.KAFKA_BROKERS = stack.kafkaBrokers;
    kafka = await testKafka(['records'], 3);
    const admin = createKafka(kafka.config, 'spec', testLogger).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [`${kafka.config.KAFKA_PREFIX}records`] });
    await admin.disconnect();
    const partitions = topics.flatMap((topic) => topic.partitions);
    expect(new Set(partitions.map(({ leader }) => leader)).size).toBe(3);
    leaderless = 1;
    others = [0, 2];
    const leader = partitions.find(({ partitionId }) => partitionId === leaderless)?.leader;
    stopped = stack.brokers.find(({ nodeId }) => nodeId === leader)!;
  }, 120_000);

  afterAll(async () => {
    process.env.KAFKA_BROKERS = KAFKA_BROKERS;
    await kafka.close();
    await stack.stop();
  }, 60_000);

  afterEach(async () => {
    jest.restoreAllMocks();
    await Promise.all(producers.splice(0).map((producer) => producer.close()));
    await stopped.start();
  }, 60_000);

  const create = async () => {
    const { config } = kafka;
    const producer = await createVerifiedProducer({
      config,
      clientId: 'spec',
      topics: ['records'],
      logger: testLogger,
    });
    producers.push(producer);
    return producer;
  };
  const writeTo = (producer: VerifiedProducer, partition: number, timeoutMs = 15_000) =>
    producer.send({ topic: 'records', key: null, partition, value: 'v' }, { timeoutMs });
  const writeToOthers = (producer: VerifiedProducer) =>
    Promise.all(others.map((partition) => writeTo(producer, partition)));
  /** Until the cluster has noticed, and the producer has heard of it. */
  const untilLeaderless = (producer: VerifiedProducer) =>
    eventually(async () => {
      const late = writeTo(producer, leaderless, 300);
      await expect(late).rejects.toThrow('did not confirm it in time (LEADER_NOT_AVAILABLE)');
    });

  it('the others are written, by a producer from before and by one that is made meanwhile, and its records wait', async () => {
    const before = await create();
    await Promise.all([writeTo(before, leaderless), writeToOthers(before)]);
    await stopped.kill();
    await untilLeaderless(before);
    await writeToOthers(before);

    const meanwhile = await create();
    await writeToOthers(meanwhile);
    await untilLeaderless(meanwhile);

    const waiting = [before, meanwhile].map((producer) => writeTo(producer, leaderless));
    await stopped.start();
    await Promise.all(waiting);
  }, 90_000);

  it('whoever asks where its log ends is told when it has one again', async () => {
    await writeTo(await create(), leaderless);
    await stopped.kill();
    const topic = `${kafka.config.KAFKA_PREFIX}records`;
    const admin = createKafka(kafka.config, 'spec', testLogger, { retry: { retries: 1 } }).admin();
    await admin.connect();
    const asked = fetchLogRanges(admin, [topic]).finally(() => admin.disconnect());
    await stopped.start();
    expect((await asked).get(topic)?.get(leaderless)?.high).toBeGreaterThan(0);
  }, 90_000);

  it('the others are written after the connections were replaced', async () => {
    const pools = new Set<BrokerPool>();
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this`
    const { connect } = BrokerPool.prototype;
    jest.spyOn(BrokerPool.prototype, 'connect').mockImplementation(function (this: BrokerPool) {
      pools.add(this);
      return connect.call(this);
    });
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this`
    const { send } = ConnectionPool.prototype;
    let gaps = 0;
    jest.spyOn(ConnectionPool.prototype, 'send').mockImplementation(function (this: ConnectionPool, call) {
      if (call.request.apiName === 'Produce' && gaps-- > 0) return Promise.resolve({ topics: [] });
      return send.call(this, call);
    });

    const producer = await create();
    await stopped.kill();
    await untilLeaderless(producer);
    const made = pools.size;
    gaps = 1;
    await writeToOthers(producer);
    expect(pools.size).toBe(made + 1);
  }, 60_000);
});
