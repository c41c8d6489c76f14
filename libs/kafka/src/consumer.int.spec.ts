import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHealth, type Logger, type WorkingClock } from '@talaria/observability';
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup';
import ConnectionPool from 'kafkajs/src/network/connectionPool';
import { register } from 'prom-client';
import { eventually, testKafka, type TestKafka, testLogger } from '../../../test/kit';
import { type Assignment } from './assignment';
import { type GroupConsumer, startConsumer } from './consumer';
import { createKafka } from './create-kafka';
import { type PositionOf } from './find-starts';
import { type KafkaRecord } from './kafka-record';
import { type BatchHandler, type RecordBatch } from './record-batch';

const PARTITIONS = 4;
const TOPICS = ['main', 'retry'];
const idOf = ({ topic, partition, offset }: KafkaRecord) => `${topic}/${partition}/${offset}`;

describe('the consumer', () => {
  let kafka: TestKafka;
  let members: GroupConsumer[];

  const client = () => createKafka(kafka.config, 'spec', testLogger);

  async function start(
    handlers: BatchHandler | Record<string, BatchHandler>,
    options: {
      positionOf?: PositionOf;
      onAssigned?: (assignment: Assignment) => void;
      logger?: Logger;
      clock?: Pick<WorkingClock, 'now'>;
    } = {},
  ): Promise<GroupConsumer> {
    const byTopic = typeof handlers === 'function' ? { main: handlers } : handlers;
    const consumer = await startConsumer({
      config: kafka.config,
      groupId: 'group',
      handlers: new Map(Object.entries(byTopic)),
      logger: testLogger,
      onFatal: () => undefined,
      ...options,
    });
    members.push(consumer);
    return consumer;
  }

  /** Writes `count` records to each of the given partitions. */
  async function write(count: number, partitions = [0], topic = 'main'): Promise<void> {
    const producer = client().producer();
    await producer.connect();
    // One partition at a time: kafkajs repeats a send whole when one of its partitions fails.
    for (const partition of partitions) {
      const messages = Array.from({ length: count }, (_, index) => ({
        partition,
        value: `${partition}/${index}`,
      }));
      await producer.send({ topic: kafka.config.KAFKA_PREFIX + topic, messages });
    }
    await producer.disconnect();
  }

  async function committed(topic = 'main'): Promise<number[]> {
    const admin = client().admin();
    await admin.connect();
    const [found] = await admin.fetchOffsets({
      groupId: `${kafka.config.KAFKA_PREFIX}group`,
      topics: [kafka.config.KAFKA_PREFIX + topic],
    });
    await admin.disconnect();
    return found!.partitions.sort((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset));
  }

  /** As somebody else would, or a member of another time. */
  async function commit(offset: string, metadata: string): Promise<void> {
    const topic = `${kafka.config.KAFKA_PREFIX}main`;
    const consumer = client().consumer({
      groupId: `${kafka.config.KAFKA_PREFIX}group`,
      maxWaitTimeInMs: 100,
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const joined = new Promise<void>((resolve) => {
      consumer.on('consumer.group_join', () => {
        // Or it would find the offset out of range itself.
        consumer.pause([{ topic }]);
        resolve();
      });
    });
    await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
    await joined;
    await consumer.commitOffsets([{ topic, partition: 0, offset, metadata }]);
    await consumer.disconnect();
  }

  /** A handler that finishes everything at once and keeps what it saw. */
  function recorder() {
    const seen: KafkaRecord[] = [];
    const handler: BatchHandler = ({ records, done }) => {
      seen.push(...records);
      for (const { offset } of records) done(offset);
      return Promise.resolve(undefined);
    };
    return { seen, handler };
  }

  beforeEach(async () => {
    members = [];
    kafka = await testKafka(TOPICS, PARTITIONS);
  });

  afterEach(async () => {
    await Promise.all(members.map((member) => member.close()));
    await kafka.close();
  });

  it('shows how far it is behind: what is not read, or read and not done', async () => {
    const metric = async (name: string) => {
      const text = await register.getSingleMetricAsString(`talaria_consumer_${name}`);
      return Number(new RegExp(`{group="group"(,topic="main")?} (.+)`).exec(text)?.[2]);
    };
    const written = Date.now() - 60_000;
    const producer = client().producer();
    await producer.connect();
    const messages = [0, 1, 2].map((n) => ({
      partition: 0,
      value: `${n}`,
      timestamp: String(written + n * 1000),
    }));
    await producer.send({ topic: `${kafka.config.KAFKA_PREFIX}main`, messages });
    await producer.disconnect();
    let allow = false;
    const taken: RecordBatch[] = [];
    const began = Date.now();
    await start((batch) => {
      if (!allow) return Promise.reject(new Error('the database is away'));
      taken.push(batch);
      return Promise.resolve(undefined);
    });
    await eventually(async () => expect(await metric('lag_records')).toBe(3));
    const age = await metric('lag_seconds');
    expect(age).toBeGreaterThanOrEqual(60);
    expect(age).toBeLessThanOrEqual((Date.now() - written) / 1000);
    const refusedAt = await metric('last_progress_timestamp_seconds');
    expect(refusedAt).toBeGreaterThanOrEqual(began / 1000);
    expect(await metric('assigned_partitions')).toBe(PARTITIONS);
    expect(await metric('rebalances_total')).toBeGreaterThan(0);

    allow = true;
    await eventually(() => expect(taken).toHaveLength(1));
    await eventually(async () =>
      expect(await metric('last_progress_timestamp_seconds')).toBeGreaterThan(refusedAt),
    );
    taken[0]!.done(1);
    expect(await metric('lag_records')).toBe(2);
    taken[0]!.done(0);
    taken[0]!.done(2);
    expect(await metric('lag_records')).toBe(0);
    expect(await metric('lag_seconds')).toBe(0);
    expect(Date.now() / 1000 - (await metric('last_progress_timestamp_seconds'))).toBeLessThan(1);
  });

  it('asks for the end of what is paused, too', async () => {
    const lag = async () =>
      /{group="group",topic="main"} (.+)/.exec(
        await register.getSingleMetricAsString('talaria_consumer_lag_records'),
      )?.[1];
    await write(1);
    const never = new Promise<never>(() => undefined);
    await start(() => Promise.resolve({ taken: 0, resume: never }));
    await eventually(async () => expect(await lag()).toBe('1'));
    await write(4);
    await eventually(async () => expect(await lag()).toBe('5'), 20_000);
  });

  it('commits what is done, in whatever order, and does not bring it again', async () => {
    const held: RecordBatch[] = [];
    const first = await start((batch) => (held.push(batch), Promise.resolve(undefined)));
    await write(10);
    await eventually(() => expect(held.flatMap(({ records }) => records)).toHaveLength(10));
    for (const offset of [1, 0, 2, 5, 9]) held[0]!.done(offset);
    await eventually(async () => expect((await committed())[0]).toBe(3));
    await first.close();
    expect((await committed())[0]).toBe(3);
    const { seen, handler } = recorder();
    let reached = 0;
    await start((batch) => ((reached = batch.next), handler(batch)));
    await eventually(() => expect(seen.map(({ offset }) => offset)).toEqual([3, 4, 6, 7, 8]));
    expect(reached).toBe(10);
    await eventually(async () => expect((await committed())[0]).toBe(10));
  });

  it.each([
    ['that another tool committed', '2', 'abc,1', [2, 3, 4]],
    ['of a longer log', '2', 'done:1,rs', [2, 3, 4]],
    ['of a longer log, as the offset is', '50', 'done:1,5', [0, 1, 2, 3, 4]],
  ])('hides no record because of metadata %s', async (_, offset, metadata, expected) => {
    await write(5);
    await commit(offset, metadata);
    const { seen, handler } = recorder();
    const from: number[] = [];
    const onAssigned = (one: Assignment) => {
      if (one.partition === 0) from.push(one.from);
    };
    await start(handler, { onAssigned });
    await eventually(() => expect(seen.map(({ offset: one }) => one)).toEqual(expected));
    expect(from.at(-1)).toBe(expected[0]);
    await eventually(async () => expect((await committed())[0]).toBe(5));
  });

  it('brings a batch that failed again, without what was finished before it, while other partitions go on', async () => {
    const { seen, handler } = recorder();
    const failed: number[][] = [];
    let isWell = false;
    await start((batch) => {
      if (batch.partition !== 0 || isWell) return handler(batch);
      failed.push(batch.records.map(({ offset }) => offset));
      if (failed.length === 1) for (const offset of [0, 1]) batch.done(offset);
      throw new Error('on purpose');
    });
    await write(5);
    await eventually(() => expect(failed.length).toBeGreaterThan(0));
    await write(5, [1, 2, 3]);
    await eventually(() => expect(seen.filter(({ partition }) => partition !== 0)).toHaveLength(15));
    await eventually(async () => expect(await committed()).toEqual([2, 5, 5, 5]));
    await eventually(() => expect(failed.length).toBeGreaterThan(1));
    expect(seen.filter(({ partition }) => partition === 0)).toEqual([]);
    isWell = true;
    await eventually(async () => expect(await committed()).toEqual([5, 5, 5, 5]), 40_000);
    expect(failed[0]).toEqual([0, 1, 2, 3, 4]);
    for (const again of failed.slice(1)) expect(again).toEqual([2, 3, 4]);
    expect(seen.filter(({ partition }) => partition === 0).map(({ offset }) => offset)).toEqual([2, 3, 4]);
  }, 60_000);

  it('brings exactly the records that were not taken again, in order, once it may resume', async () => {
    const { seen, handler } = recorder();
    let resume: (() => void) | undefined;
    await start(async (batch) => {
      await handler({ ...batch, records: batch.records.slice(0, 3) });
      const taken = Math.min(3, batch.records.length);
      return { taken, resume: new Promise<void>((resolve) => (resume = resolve)) };
    });
    await write(8);
    const offsets = () => seen.map(({ offset }) => offset);
    await eventually(() => expect(offsets()).toEqual([0, 1, 2]));
    await eventually(async () => expect((await committed())[0]).toBe(3));
    expect(offsets()).toEqual([0, 1, 2]);
    resume!();
    await eventually(() => expect(offsets()).toEqual([0, 1, 2, 3, 4, 5]));
    resume!();
    await eventually(() => expect(offsets()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it('commits at its close what is done, and tells handlers that their partitions are lost', async () => {
    const batches: RecordBatch[] = [];
    const member = await start((batch) => (batches.push(batch), Promise.resolve(undefined)));
    await write(4);
    await eventually(() => expect(batches.flatMap(({ records }) => records)).toHaveLength(4));
    const closing = member.close();
    for (const offset of [0, 1]) batches[0]!.done(offset);
    await closing;
    expect(batches[0]!.lost.aborted).toBe(true);
    expect((await committed())[0]).toBe(2);
  });

  it('gives partition i of all topics to one member, and loses and repeats nothing that is kept as members come and go', async () => {
    type Member = { seen: KafkaRecord[]; batches: RecordBatch[]; consumer: GroupConsumer };
    const join = async (): Promise<Member> => {
      const seen: KafkaRecord[] = [];
      const batches: RecordBatch[] = [];
      const take: BatchHandler = (batch) => {
        batches.push(batch);
        seen.push(...batch.records);
        // The first stays unfinished: after each join everything is fetched again.
        for (const { offset } of batch.records) if (offset !== 0) batch.done(offset);
        return Promise.resolve(undefined);
      };
      return { seen, batches, consumer: await start({ main: take, retry: take }) };
    };
    const all = [0, 1, 2, 3];
    const feed = async () => {
      for (const topic of TOPICS) await write(50, all, topic);
    };
    const first = await join();
    await feed();
    await eventually(() => expect(first.seen).toHaveLength(400));
    expect(first.consumer.ownedShare('main')).toBe(1);
    const second = await join();
    await eventually(() =>
      expect(first.batches.filter(({ lost }) => lost.aborted).length).toBeGreaterThan(0),
    );
    const before = first.seen.length;
    await feed();
    await eventually(() => expect(new Set([...first.seen, ...second.seen].map(idOf)).size).toBe(800));
    const partitionsOf = (records: KafkaRecord[], topic: string) =>
      [...new Set(records.filter((one) => one.topic === topic).map(({ partition }) => partition))].sort();
    const kept = partitionsOf(first.seen.slice(before), 'main');
    expect(kept).toHaveLength(2);
    expect([first, second].map(({ consumer }) => consumer.ownedShare('main'))).toEqual([0.5, 0.5]);
    expect(partitionsOf(first.seen.slice(before), 'retry')).toEqual(kept);
    expect(new Set(first.seen.map(idOf)).size).toBe(first.seen.length);
    for (const { partition, lost } of first.batches.slice(0, 8))
      expect(lost.aborted).toBe(!kept.includes(partition));
    await second.consumer.close();
    await feed();
    await eventually(() => expect(new Set([...first.seen, ...second.seen].map(idOf)).size).toBe(1200));
    const keptRecords = first.seen.filter(({ partition }) => kept.includes(partition));
    expect(new Set(keptRecords.map(idOf)).size).toBe(keptRecords.length);
  });

  it('tells of each partition that it gets, since where, before it hands anything of it out', async () => {
    type Told = Assignment & { readonly offsets: number[] };
    const join = async () => {
      const told: Told[] = [];
      const handler: BatchHandler = ({ partition, records, lost, isOurs, done }) => {
        const its = told.findLast((one) => one.partition === partition)!;
        expect(its.lost).toBe(lost);
        expect(isOurs()).toBe(true);
        for (const { offset } of records) {
          its.offsets.push(offset);
          if (offset < 6 || offset === 8) done(offset);
        }
        return Promise.resolve(undefined);
      };
      const onAssigned = (one: Assignment) => void told.push({ ...one, offsets: [] });
      return { told, consumer: await start(handler, { onAssigned }) };
    };
    const placesOf = (told: Told[]) =>
      told.map(({ topic, partition, from }) => `${topic}/${partition}/${from}`);
    const first = await join();
    await eventually(() =>
      expect(placesOf(first.told).sort()).toEqual(['main/0/0', 'main/1/0', 'main/2/0', 'main/3/0']),
    );
    await write(10, [0, 1, 2, 3]);
    await eventually(async () => expect(await committed()).toEqual([6, 6, 6, 6]));
    // The first one is not asked to close: what counts is its last commit.
    const owned = new Set<string>();
    const watching = setInterval(() => owned.add(first.told.map(({ isOurs }) => isOurs()).join()), 1);
    const second = await join();
    await eventually(() => expect(second.told).toHaveLength(2));
    const gone = second.told.map(({ partition }) => partition);
    expect(placesOf(second.told)).toEqual(gone.map((partition) => `main/${partition}/6`));
    await eventually(() =>
      expect(second.told.map(({ offsets }) => offsets)).toEqual([
        [6, 7, 9],
        [6, 7, 9],
      ]),
    );
    for (const { partition, lost, isOurs } of first.told) {
      expect(lost.aborted).toBe(gone.includes(partition));
      expect(isOurs()).toBe(!gone.includes(partition));
    }
    clearInterval(watching);
    // While the group gives partitions out anew, nobody is the owner of any.
    expect(owned).toContain('false,false,false,false');
    await second.consumer.close();
    await eventually(() =>
      expect(placesOf(first.told).slice(4).sort()).toEqual(placesOf(second.told).sort()),
    );
    expect(first.told.slice(0, 4).map(({ offsets }) => offsets.length)).toEqual([10, 10, 10, 10]);
  });

  it('takes over from a member that died what it had not committed', async () => {
    const { seen, handler } = recorder();
    const dying = spawn(process.execPath, ['-e', DYING_MEMBER], {
      env: {
        ...process.env,
        BROKERS: kafka.config.KAFKA_BROKERS.join(),
        GROUP: `${kafka.config.KAFKA_PREFIX}group`,
        TOPIC: `${kafka.config.KAFKA_PREFIX}main`,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await write(20, [0, 1, 2, 3]);
      await once(dying.stdout, 'data');
      await start(handler);
      const count = () => new Set(seen.map(idOf)).size;
      await eventually(() => expect(count()).toBe(40));
      dying.kill('SIGKILL');
      await eventually(() => expect(count()).toBe(80));
    } finally {
      dying.kill('SIGKILL');
    }
  }, 60_000);

  describe('with books of its handler', () => {
    const offsetsOf = (seen: readonly KafkaRecord[], partition = 0) =>
      seen.filter((one) => one.partition === partition).map(({ offset }) => offset);

    /** All of it is handled and committed, by a member that is gone. */
    async function consumeAll(count: number): Promise<void> {
      await write(count, [0, 1, 2, 3]);
      const { seen, handler } = recorder();
      const first = await start(handler);
      await eventually(() => expect(seen).toHaveLength(4 * count));
      await first.close();
      expect(await committed()).toEqual([count, count, count, count]);
    }

    it('begins where they say, before and behind what is committed, also where nothing new comes', async () => {
      await consumeAll(10);
      const { seen, handler } = recorder();
      const positions = [3, undefined, 12, 10];
      await start(handler, { positionOf: (_, partition) => Promise.resolve(positions[partition]) });
      await eventually(() => expect(offsetsOf(seen)).toEqual([3, 4, 5, 6, 7, 8, 9]));
      await write(3, [1, 2, 3]);
      // Beyond the end: handed out from where it is committed, for the handler to say so.
      await eventually(() =>
        expect([1, 2, 3].map((one) => offsetsOf(seen, one).at(-1))).toEqual([12, 12, 12]),
      );
      expect([1, 2, 3].map((one) => offsetsOf(seen, one)[0])).toEqual([10, 10, 10]);
      await eventually(async () => expect(await committed()).toEqual([10, 13, 13, 13]));
    });

    it('begins with the first record that is still there, and says which are gone', async () => {
      await write(10);
      const admin = client().admin();
      await admin.connect();
      const topic = `${kafka.config.KAFKA_PREFIX}main`;
      // It deletes only of topics that it has asked about.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] });
      await admin.disconnect();
      const errors: unknown[] = [];
      const logger = testLogger.child({}, { level: 'error' });
      logger.error = (fields: unknown) => void errors.push(fields);
      const { seen, handler } = recorder();
      await start(handler, { positionOf: () => Promise.resolve(1), logger });
      await eventually(() => expect(offsetsOf(seen)).toEqual([4, 5, 6, 7, 8, 9]));
      expect(errors).toEqual([{ topic: 'main', partition: 0, from: 1, to: 3 }]);
    });

    it('waits for them when they cannot be read, and asks again', async () => {
      await consumeAll(5);
      const { seen, handler } = recorder();
      let asked = 0;
      await start(handler, {
        positionOf: () => (asked++ < 4 ? Promise.reject(new Error('on purpose')) : Promise.resolve(2)),
      });
      await eventually(() => expect(offsetsOf(seen)).toEqual([2, 3, 4]));
      expect(asked).toBeGreaterThan(4);
    });

    it('hands out everything behind them as members come and go', async () => {
      const next = [0, 0, 0, 0];
      const gaps: string[] = [];
      const handler: BatchHandler = async ({ partition, records, done }) => {
        // As a checkpoint in a database: moves with the work.
        await new Promise(setImmediate);
        for (const { offset } of records) {
          if (offset > next[partition]!) gaps.push(`${partition}: ${next[partition]} to ${offset}`);
          next[partition] = Math.max(next[partition]!, offset + 1);
          // The commits say more than the books: what they say must not count.
          done(offset);
        }
        return undefined;
      };
      const positionOf: PositionOf = (_, partition) => Promise.resolve(next[partition]);
      await consumeAll(300);
      await start(handler, { positionOf });
      for (let round = 1; round <= 3; round++) {
        const member = await start(handler, { positionOf });
        await write(100, [0, 1, 2, 3]);
        await eventually(() => expect(Math.min(...next)).toBe(300 + 100 * round));
        await member.close();
      }
      expect(gaps).toEqual([]);
    });
  });

  it('is alive while a handler waits, for as long as the clock stands, and not when one hangs', async () => {
    let now = 0;
    const finish: (() => void)[] = [];
    let batch: RecordBatch | undefined;
    const handler: BatchHandler = (given) => {
      batch = given;
      return new Promise((resolve) => finish.push(() => resolve(undefined)));
    };
    const member = await start(handler, { clock: { now: () => now } });
    const health = createHealth();
    health.use({ live: { consumer: () => member.fault() }, ready: {} });
    await write(1);
    await eventually(() => expect(finish).toHaveLength(1));
    now = 119_000;
    await eventually(() => expect(health.ask('live').status).toBe('ok'));
    batch?.alive();
    now = 238_000;
    await eventually(() => expect(health.ask('live').status).toBe('ok'));
    now = 240_000;
    // The partition's heartbeats go on.
    await eventually(() =>
      expect(health.ask('live')).toEqual({
        ...{ status: 'error', checks: { consumer: 'a batch is not handled after 120 s' } },
      }),
    );
    finish[0]?.();
    await eventually(() => expect(health.ask('live').status).toBe('ok'));
  });

  it('is not alive when it fetches no more, though it goes on asking where logs end', async () => {
    let now = 0;
    const member = await start(recorder().handler, { clock: { now: () => now } });
    await eventually(() => expect(member.joined()).toBe(true));
    const hanging: (() => void)[] = [];
    const fetch = jest
      .spyOn(ConsumerGroup.prototype, 'fetch')
      .mockImplementation(() => new Promise((resolve) => hanging.push(() => resolve([]))));
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this`
    const { send } = ConnectionPool.prototype;
    const answers: string[] = [];
    const requests = jest.spyOn(ConnectionPool.prototype, 'send').mockImplementation(async function (
      this: ConnectionPool,
      call,
    ) {
      const answer = await send.call(this, call);
      answers.push(call.request.apiName);
      return answer;
    });
    try {
      await eventually(() => expect(hanging).not.toEqual([]));
      // Those that were under way are back.
      await eventually(() => expect(answers).toContain('ListOffsets'), 10_000);
      now = 121_000;
      answers.length = 0;
      await eventually(() => expect(answers).toContain('ListOffsets'), 10_000);
      expect(member.fault()).toBe('has neither asked the brokers nor tried to for 120 s');
    } finally {
      fetch.mockRestore();
      requests.mockRestore();
      for (const end of hanging) end();
    }
  });

  it('names at its start the topics of which one does not exist, and what to do', async () => {
    const { handler } = recorder();
    await expect(start({ main: handler, missing: handler })).rejects.toThrow(/missing.*talaria topics apply/);
  });
});

/** Reads without committing, and tells when it has seen a record. With the session timeout at the least that a broker allows. */
const DYING_MEMBER = `
  const { Kafka, AssignerProtocol, logLevel } = require('kafkajs');
  const name = 'talaria-co-partitioning';
  const assigner = ({ cluster }) => ({
    name,
    version: 1,
    assign: async ({ members, topics }) => members.map(({ memberId }) => memberId).sort().map((memberId, index) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 1, userData: Buffer.alloc(0), assignment: Object.fromEntries(
        topics.map((topic) => [topic, [0, 1, 2, 3].filter((partition) => partition % members.length === index)])) }),
    })),
    protocol: ({ topics }) => ({ name, metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }) }),
  });
  const kafka = new Kafka({ brokers: process.env.BROKERS.split(','), logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: process.env.GROUP, partitionAssigners: [assigner], sessionTimeout: 6000, heartbeatInterval: 500, maxWaitTimeInMs: 100 });
  (async () => {
    await consumer.connect();
    await consumer.subscribe({ topics: [process.env.TOPIC], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: async () => { console.log('seen'); } });
  })();
`;
