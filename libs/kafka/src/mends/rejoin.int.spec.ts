import Broker from 'kafkajs/src/broker';
import { KafkaJSGroupCoordinatorNotFound } from 'kafkajs/src/errors';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import { eventually, testKafka, type TestKafka, testLogger } from '../../../../test/kit';
import { collectValues } from '../../testing/collect-values';
import { type GroupConsumer, startConsumer } from '../consumer';
import { createVerifiedProducer } from '../verified-producer';

const NOT_COORDINATOR = 16;
const COORDINATOR_IS_LOADING = 14;
const GROUP_AUTHORIZATION_FAILED = 30;

/** As a broker answers that has just started: it leads the group's log again, and has not read it yet. */
describe('a member that has to join its group again, while the coordinator starts', () => {
  let kafka: TestKafka;
  let member: GroupConsumer;
  let seen: string[];
  let ended: Error | undefined;

  beforeEach(async () => {
    kafka = await testKafka(['records'], 2);
    [seen, ended] = [[], undefined];
    member = await startConsumer({
      config: kafka.config,
      groupId: 'group',
      logger: testLogger,
      onFatal: (error) => (ended = error),
      handlers: new Map([['records', collectValues(seen)]]),
    });
    await eventually(() => expect(member.joined()).toBe(true));
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await member.close();
    await kafka.close();
  });

  /** The next calls are answered so, and those behind them by the real broker. */
  function answer(
    method: 'heartbeat' | 'joinGroup' | 'syncGroup',
    codes: readonly number[],
  ): jest.SpyInstance {
    const spy = jest.spyOn(Broker.prototype, method);
    for (const code of codes) spy.mockImplementationOnce(() => Promise.reject(createErrorFromCode(code)));
    return spy;
  }

  async function write(value: string): Promise<void> {
    const producer = await createVerifiedProducer({
      config: kafka.config,
      clientId: 'spec',
      topics: ['records'],
      logger: testLogger,
    });
    await producer.send({ topic: 'records', partition: 0, key: null, value });
    await producer.close();
  }

  it.each(['joinGroup', 'syncGroup'] as const)(
    'asks again after a failed %s, and goes on with its partitions',
    async (method) => {
      const failing = answer(method, [COORDINATOR_IS_LOADING, COORDINATOR_IS_LOADING]);
      answer('heartbeat', [NOT_COORDINATOR]);
      await eventually(() => expect(failing.mock.calls.length).toBeGreaterThanOrEqual(3));
      await write('after');
      await eventually(() => expect(seen).toEqual(['after']));
      expect(ended).toBeUndefined();
    },
  );

  it('begins anew when no coordinator was found for too long', async () => {
    const now = performance.now.bind(performance);
    let skippedMs = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now() + skippedMs);
    const join = jest.spyOn(Broker.prototype, 'joinGroup');
    const notFound = () => {
      skippedMs += 11_000;
      return Promise.reject(new KafkaJSGroupCoordinatorNotFound('Failed to find group coordinator'));
    };
    for (let time = 0; time < 3; time++) join.mockImplementationOnce(notFound);
    answer('heartbeat', [NOT_COORDINATOR]);
    await eventually(() => expect(join.mock.calls.length).toBeGreaterThanOrEqual(4), 20_000);
    await write('after');
    await eventually(() => expect(seen).toEqual(['after']), 20_000);
    expect(ended).toBeUndefined();
  }, 60_000);

  it('ends when it may not join any more', async () => {
    answer('joinGroup', [GROUP_AUTHORIZATION_FAILED]);
    answer('heartbeat', [NOT_COORDINATOR]);
    await eventually(() => expect(ended).toBeDefined());
  });
});
