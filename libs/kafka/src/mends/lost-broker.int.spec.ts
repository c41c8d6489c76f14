import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup';
import { eventually, startOwnKafka, testKafka, type TestKafka, testLogger } from '../../../../test/kit';
import { type Broker, type Stack } from '../../../../tools/stack/stack';
import { collectValues } from '../../testing/collect-values';
import { type GroupConsumer, startConsumer } from '../consumer';
import { fetchCommits } from '../fetch-commits';
import { createVerifiedProducer, type VerifiedProducer } from '../verified-producer';

const { KAFKA_BROKERS } = process.env;
const PARTITIONS = 6;
/** Less than without what `lost-broker.ts` does: 40 s after a kill, four minutes in a freeze. */
const WITHIN_MS = 30_000;

/** Of three, for longer than anyone waits: the others lead its partitions and coordinate its groups after a few seconds. */
describe('while one broker is away', () => {
  let stack: Stack;
  let kafka: TestKafka;
  let away: Broker | undefined;
  let producer: VerifiedProducer | undefined;
  let consumer: GroupConsumer | undefined;

  beforeAll(async () => {
    stack = await startOwnKafka({ brokers: 3 });
    process.env.KAFKA_BROKERS = stack.kafkaBrokers;
    kafka = await testKafka(['records'], PARTITIONS, 3);
  }, 120_000);

  afterAll(async () => {
    process.env.KAFKA_BROKERS = KAFKA_BROKERS;
    await kafka.close();
    await stack.stop();
  }, 60_000);

  afterEach(async () => {
    jest.restoreAllMocks();
    away?.resume();
    await away?.start();
    await Promise.all([producer?.close(), consumer?.close()]);
    [away, producer, consumer] = [undefined, undefined, undefined];
  }, 60_000);

  const openProducer = () =>
    createVerifiedProducer({
      config: kafka.config,
      clientId: 'spec',
      topics: ['records'],
      logger: testLogger,
    });
  const openConsumer = (groupId: string, seen: string[]) =>
    startConsumer({
      ...{ config: kafka.config, groupId, logger: testLogger, onFatal: () => undefined },
      handlers: new Map([['records', collectValues(seen)]]),
    });
  const writeToAll = (value: string) =>
    Promise.all(
      Array.from({ length: PARTITIONS }, (_, partition) =>
        producer!.send({ topic: 'records', key: null, partition, value: `${value}-${partition}` }),
      ),
    );
  const all = (value: string) =>
    expect.arrayContaining(Array.from({ length: PARTITIONS }, (_, partition) => `${value}-${partition}`));

  async function countCommitted(groupId: string): Promise<number> {
    const { config } = kafka;
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
      ...{ topic: `${config.KAFKA_PREFIX}records`, partition },
    }));
    const client = { config, clientId: 'spec', logger: testLogger };
    const commits = await fetchCommits(client, config.KAFKA_PREFIX + groupId, partitions);
    return [...commits.values()].reduce((sum, { offset }) => sum + offset, 0);
  }

  async function takeAway(broker: Broker, how: 'killed' | 'frozen'): Promise<void> {
    away = broker;
    if (how === 'frozen') broker.pause();
    else await broker.kill();
  }

  it.each(['killed', 'frozen'] as const)(
    'a consumer whose coordinator is %s goes on with another, as the member that it was',
    async (how) => {
      const joins = jest.spyOn(ConsumerGroup.prototype, 'joinAndSync');
      const seen: string[] = [];
      producer = await openProducer();
      consumer = await openConsumer(`group-${how}`, seen);
      await writeToAll(`before ${how}`);
      await eventually(() => expect(seen).toEqual(all(`before ${how}`)));

      const group = joins.mock.contexts[0] as ConsumerGroup;
      const { memberId } = group;
      const lost = group.coordinator?.nodeId;
      await takeAway(
        stack.brokers.find(({ nodeId }) => nodeId === lost)!,
        how,
      );
      await writeToAll(`meanwhile ${how}`);
      await eventually(() => expect(group.coordinator?.nodeId).not.toBe(lost), WITHIN_MS);
      await eventually(() => expect(seen).toEqual(all(`meanwhile ${how}`)), WITHIN_MS);
      await writeToAll(`later ${how}`);
      await eventually(() => expect(seen).toEqual(all(`later ${how}`)), WITHIN_MS);
      await eventually(async () => expect(await countCommitted(`group-${how}`)).toBe(seen.length), WITHIN_MS);
      // One that has crashed begins anew, with another id.
      expect(new Set(joins.mock.contexts)).toEqual(new Set([group]));
      expect(group.memberId).toBe(memberId);
    },
    4 * WITHIN_MS,
  );

  it(
    'who starts while the first of the named ones is frozen goes to another',
    async () => {
      const first = stack.kafkaBrokers.split(',')[0];
      await takeAway(
        stack.brokers.find(({ address }) => address === first)!,
        'frozen',
      );
      const seen: string[] = [];
      producer = await openProducer();
      await writeToAll('anew');
      consumer = await openConsumer('group-anew', seen);
      await eventually(() => expect(seen).toEqual(all('anew')), WITHIN_MS);
    },
    4 * WITHIN_MS,
  );
});
