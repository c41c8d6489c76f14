import Broker from 'kafkajs/src/broker';
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup';
import { eventually, testKafka, type TestKafka, testLogger } from '../../../../test/kit';
import { type GroupConsumer, startConsumer } from '../consumer';
import { fetchCommits } from '../fetch-commits';
import { type BatchHandler, type RecordBatch } from '../record-batch';
import { createVerifiedProducer, type VerifiedProducer } from '../verified-producer';

/** As the fetcher of one broker does when it is told that this leads a partition no more, while that of another is at work. */
describe('when the member joins its group again while it fetches and handles', () => {
  let kafka: TestKafka;
  let member: GroupConsumer;
  let producer: VerifiedProducer;
  let batches: RecordBatch[];
  let handler: BatchHandler;
  const groups: ConsumerGroup[] = [];
  let assigned: number;
  /** Answers that bring records wait for `open`. */
  let gate: { readonly held: () => void; readonly open: Promise<void> } | undefined;

  beforeEach(async () => {
    [batches, assigned, gate] = [[], 0, undefined];
    handler = () => Promise.resolve(undefined);
    spyOnKafkajs();
    kafka = await testKafka(['records'], 1);
    member = await startConsumer({
      ...{ config: kafka.config, groupId: 'group', logger: testLogger, onFatal: () => undefined },
      handlers: new Map([['records', (batch) => (batches.push(batch), handler(batch))]]),
      onAssigned: () => void (assigned += 1),
    });
    producer = await createVerifiedProducer({
      ...{ config: kafka.config, clientId: 'spec', topics: ['records'], logger: testLogger },
    });
    await eventually(() => expect(assigned).toBe(1));
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await producer.close();
    await member.close();
    await kafka.close();
  });

  function spyOnKafkajs(): void {
    const { joinAndSync } = ConsumerGroup.prototype;
    jest.spyOn(ConsumerGroup.prototype, 'joinAndSync').mockImplementation(function (this: ConsumerGroup) {
      groups.push(this);
      return joinAndSync.call(this);
    });
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this`
    const { fetch } = Broker.prototype;
    jest.spyOn(Broker.prototype, 'fetch').mockImplementation(async function (this: Broker, call) {
      const answer = await fetch.call(this, call);
      const hasRecords = answer.responses.some(({ partitions }) =>
        partitions.some(({ messages }) => messages.length > 0),
      );
      if (!hasRecords || gate === undefined) return answer;
      const { held, open } = gate;
      gate = undefined;
      held();
      await open;
      return answer;
    });
  }

  const write = (value: string) => producer.send({ topic: 'records', partition: 0, key: null, value });
  const offsetsOf = (some: readonly RecordBatch[]) =>
    some.flatMap(({ records }) => records.map(({ offset }) => offset));
  const committed = async () => {
    const { config } = kafka;
    const held = { topic: `${config.KAFKA_PREFIX}records`, partition: 0 };
    const client = { config, clientId: 'spec', logger: testLogger };
    return (await fetchCommits(client, `${config.KAFKA_PREFIX}group`, [held])).get(held)?.offset;
  };
  async function finish(offsets: readonly number[], commit: number): Promise<void> {
    for (const offset of offsets) batches.at(-1)!.done(offset);
    await eventually(async () => expect(await committed()).toBe(commit));
  }
  function closed(): { readonly until: Promise<void>; readonly open: () => void } {
    let open: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (open = resolve));
    return { until, open };
  }

  it('what it had asked for before hides nothing that it had not done by then', async () => {
    await write('a');
    await write('b');
    await eventually(() => expect(offsetsOf(batches)).toEqual([0, 1]));
    const before = batches.length;
    const [answer, arrival] = [closed(), closed()];
    gate = { held: arrival.open, open: answer.until };
    await write('c');
    await arrival.until;
    // The group has forgotten it: it begins anew.
    await groups.at(-1)!.leave();
    await groups.at(-1)!.joinAndSync();
    await eventually(() => expect(assigned).toBe(2));
    answer.open();
    await eventually(() => expect(offsetsOf(batches.slice(before))).toContain(2));
    expect(offsetsOf(batches.slice(before))).toEqual([0, 1, 2]);
    await finish([2], 0);
    await finish([0, 1], 3);
  });

  it.each([
    ['fails', 'keeps its partition'],
    ['fails', 'begins anew'],
    ['ends well', 'keeps its partition'],
    ['ends well', 'begins anew'],
  ])('a batch whose handling %s comes again, unless it was taken, as the member %s', async (how, join) => {
    const work = closed();
    handler = async () => {
      await work.until;
      if (how === 'fails') throw new Error('on purpose');
      return undefined;
    };
    await write('a');
    await eventually(() => expect(offsetsOf(batches)).toEqual([0]));
    if (join === 'begins anew') await groups.at(-1)!.leave();
    await groups.at(-1)!.joinAndSync();
    handler = () => Promise.resolve(undefined);
    await write('b');
    work.open();
    await eventually(() => expect(offsetsOf(batches)).toContain(1));
    const isTaken = how === 'ends well' && join === 'keeps its partition';
    expect(offsetsOf(batches)).toEqual(isTaken ? [0, 1] : [0, 0, 1]);
    await finish([1], 0);
    await finish([0], 2);
  });
});
