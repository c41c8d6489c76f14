import { headers, parseSendMessage, type SendMessage, topics } from '@talaria/contracts';
import { inTransaction, sqlOf } from '@talaria/database';
import { type Assignment, type KafkaRecord, type RecordBatch } from '@talaria/kafka';
import fc from 'fast-check';
import { eventually, testDatabase, type TestDatabase, testLogger } from '../../../../test/kit';
import { type Job, placeOf } from '../dispatch/job';
import { priorities, type Priority } from '../lanes/scheduler';
import { createBacklog } from './backlog';
import { createBacklogTable } from './backlog-table';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase()));
afterAll(() => database.close());

let partitions = 0;

type Asked = {
  readonly lane: string;
  readonly recipient: string;
  readonly priority?: Priority;
  /** It is of strict order, and comes back to stand here. */
  readonly place?: number;
};

function aRecord(
  partition: number,
  offset: number,
  asked: Asked,
  topic: string = topics.outbound.name,
): KafkaRecord {
  const command: SendMessage = {
    ...{ id: `c${offset}`, wabaId: '900', phoneNumberId: asked.lane, to: asked.recipient },
    message: { type: 'text', text: { body: 'x' } },
    ...(asked.priority !== undefined && { priority: asked.priority }),
    ...(asked.place !== undefined && { order: 'strict' as const }),
  };
  const value = Buffer.from(JSON.stringify(command));
  return {
    topic,
    partition,
    offset,
    timestamp: 1000 + offset,
    key: Buffer.from('900'),
    value,
    headers: { 'x-own': 'kept', ...(asked.place !== undefined && { [headers.place]: String(asked.place) }) },
  };
}

/** One partition as its log, and its owners one after the other. What a process has in memory is gone with it; what is done stays done. */
function aPartition(
  max = { commands: 1000, bytes: 1_000_000 },
  copyAfterMs = 60_000,
  partition = partitions++,
) {
  const log: KafkaRecord[] = [];
  const done = new Set<KafkaRecord>();
  const table = createBacklogTable(sqlOf(database.dataSource));

  function own(from = 0, anewAfterMs = 60_000) {
    const jobs: Job[] = [];
    const lost = new AbortController();
    const backlog = createBacklog({
      ...{ table, max, copyAfterMs, anewAfterMs, logger: testLogger, rateOf: () => 0 },
      add: (job) => jobs.push(job),
      read: (record) => {
        const parsed = parseSendMessage(record.value);
        return Promise.resolve(parsed.ok ? parsed.command : undefined);
      },
    });
    const assignment: Assignment = {
      ...{ topic: topics.outbound.name, partition, from, lost: lost.signal },
      isOurs: () => !lost.signal.aborted,
    };
    backlog.assigned(assignment);
    /** Hands over records as the consumer does: what is done already is left out. */
    const take = async (
      records: readonly KafkaRecord[],
      next = (records.at(-1)?.offset ?? -1) + 1,
      highWatermark = log.length,
    ) => {
      const rest = records.filter((record) => !done.has(record));
      const batch = {
        ...{
          topic: records[0]?.topic ?? topics.outbound.name,
          partition,
          records: rest,
          highWatermark,
        },
        ...{ next, lost: lost.signal, isOurs: assignment.isOurs, alive: () => undefined },
        done: (offset: number) => {
          const record = records.find((one) => one.offset === offset);
          if (record !== undefined && !lost.signal.aborted) done.add(record);
        },
      } satisfies RecordBatch;
      const arrivals = rest.map((record) => {
        const parsed = parseSendMessage(record.value);
        if (!parsed.ok) throw new Error('not a command');
        return { command: parsed.command, record };
      });
      await backlog.take(batch, arrivals, batch.next);
    };
    return { backlog, jobs, take, lose: () => lost.abort() };
  }

  return {
    ...{ partition, log, done, own, table },
    publish: (asked: Asked) => {
      const record = aRecord(partition, log.length, asked);
      log.push(record);
      return record;
    },
    depth: async () => (await table.lanes(partition)).reduce((sum, { depth }) => sum + depth, 0),
  };
}

const wantedOf = (partition: number) => ({
  ...{ partition, phoneNumberId: '100', priority: 'notification' as const, limit: 10 },
  ...{ after: { position: -2, id: 0 }, before: 100 },
});
const offsetsOf = (jobs: readonly Job[]) => jobs.map(({ record }) => record.offset);
const HELD = 10;

it('a lane keeps a few commands in memory; the tail is parked, its records are done, and it follows in its order, unchanged', async () => {
  const { log, publish, own, done, depth } = aPartition();
  for (let n = 0; n < 35; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const { jobs, take, backlog } = own();
  await take(log);
  expect(offsetsOf(jobs)).toEqual(log.slice(0, HELD).map(({ offset }) => offset));
  await eventually(() => expect([...done]).toEqual(log.slice(HELD)));
  expect(await depth()).toBe(25);
  expect([...backlog.queues()]).toEqual([['100', { depth: 35, rest: 25 }]]);
  const sent: Job[] = [];
  while (sent.length < 35) {
    await eventually(() => expect(jobs.length).toBeGreaterThan(0));
    sent.push(jobs[0]!);
    jobs.shift()!.done();
  }
  expect(sent.map(({ record }) => record)).toEqual(log);
  await backlog.close();
  expect(await depth()).toBe(0);
  await eventually(() => expect(backlog.depth).toBe(0));
  expect(backlog.queues().size).toBe(0);
});

it('nobody else waits behind a lane that is full, whatever they send', async () => {
  const { log, publish, own, done } = aPartition();
  for (let n = 0; n < 50; n++) publish({ lane: '100', recipient: '+15550', priority: 'campaign' });
  publish({ lane: '200', recipient: '+15551' });
  publish({ lane: '100', recipient: '+15551', priority: 'reply' });
  const { jobs, take } = own();
  await take(log);
  expect(offsetsOf(jobs)).toEqual(expect.arrayContaining([50, 51]));
  await eventually(() => expect(done.size).toBe(40));
});

it("a reply stays behind the campaign's message that is parked for the same person", async () => {
  const { log, publish, own } = aPartition();
  for (let n = 0; n < 12; n++) publish({ lane: '100', recipient: `+1555${n}`, priority: 'campaign' });
  const { jobs, take } = own();
  await take(log);
  const reply = publish({ lane: '100', recipient: '+155511', priority: 'reply' });
  await take([reply]);
  expect(offsetsOf(jobs)).not.toContain(reply.offset);
  while (!offsetsOf(jobs).includes(reply.offset)) {
    const next = jobs.splice(0);
    for (const job of next) job.done();
    await eventually(() => expect(jobs.length).toBeGreaterThan(0));
  }
  expect(offsetsOf(jobs).at(-1)).toBe(reply.offset);
});

it('with memory full every lane goes on with two, and more come when half of it is free', async () => {
  const { log, publish, own } = aPartition({ commands: 12, bytes: 1_000_000 });
  for (let n = 0; n < 30; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const { jobs, take } = own();
  await take(log);
  for (const lane of ['200', '300', '400'])
    await take([0, 1, 2, 3, 4].map((n) => publish({ lane, recipient: `+1666${n}` })));
  const lanes = jobs.map(({ command }) => command.phoneNumberId);
  expect(lanes.filter((lane) => lane === '400')).toHaveLength(2);
  for (const job of jobs.splice(0)) job.done();
  await eventually(() => expect(jobs.length).toBeGreaterThan(6));
});

it('what waits for long leaves its room to others of its lane, until it is done', async () => {
  const { log, publish, own, depth } = aPartition();
  for (let n = 0; n < 25; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const { jobs, take } = own();
  await take(log);
  const waiting = jobs.slice(0, 8);
  for (const job of [...waiting, ...waiting]) job.setAside();
  await eventually(() => expect(jobs).toHaveLength(HELD + 8));
  for (const job of waiting) job.done();
  await take([publish({ lane: '100', recipient: '+16660' })]);
  expect(jobs).toHaveLength(HELD + 8);
  for (let next = 8; next < 26; next++) {
    await eventually(() => expect(jobs[next]).toBeDefined());
    jobs[next]!.done();
  }
  expect(offsetsOf(jobs)).toEqual(log.map(({ offset }) => offset));
  await eventually(async () => expect(await depth()).toBe(0));
});

it('with memory full nothing leaves its room to others', async () => {
  const { log, publish, own } = aPartition({ commands: HELD, bytes: 1_000_000 });
  for (let n = 0; n < 25; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const { jobs, take } = own();
  await take(log);
  for (const job of jobs) job.setAside();
  expect(jobs.map(({ isAside }) => isAside)).not.toContain(true);
});

it('one of strict order that comes back is held in memory whatever waits, and found by the next owner where it stood', async () => {
  const { log, publish, own, done } = aPartition(undefined, 20);
  for (let n = 0; n < 15; n++) publish({ lane: '100', recipient: `+1555${n % 5}` });
  const first = own();
  await first.take(log);
  for (const job of first.jobs.splice(0, 5)) job.done();
  const back = publish({ lane: '100', recipient: '+15550', priority: 'reply', place: 0 });
  await first.take([back]);
  expect(first.jobs.at(-1)?.record).toBe(back);
  await eventually(() => expect(done).toContain(back));
  first.lose();
  const second = own(log.length);
  await eventually(() => expect(second.jobs).toHaveLength(HELD));
  expect(second.jobs.find(({ command }) => command.to === '+15550')?.record).toEqual(back);
});

it('a record of a retry topic finds its place behind what is parked', async () => {
  const { partition, log, publish, own } = aPartition();
  for (let n = 0; n < 12; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const { jobs, take } = own();
  await take(log);
  const retry = aRecord(partition, 7, { lane: '100', recipient: '+15559' }, topics.outboundRetry30s.name);
  await take([retry]);
  const sent: Job[] = [];
  while (sent.length < 13) {
    await eventually(() => expect(jobs.length).toBeGreaterThan(0));
    for (const job of jobs.splice(0)) {
      sent.push(job);
      job.done();
    }
  }
  expect(sent.at(-1)?.record).toEqual(retry);
});

it('what is parked is known to the next owner, who does not wait for new records', async () => {
  const { log, publish, own, done } = aPartition();
  for (let n = 0; n < 15; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const first = own();
  await first.take(log);
  for (const job of first.jobs) job.done();
  await eventually(() => expect(done.size).toBe(15));
  await first.backlog.close();
  first.lose();
  const second = own(15);
  await eventually(() => expect(offsetsOf(second.jobs)).toEqual([10, 11, 12, 13, 14]));
});

it('one of a retry topic that was parked right after a transaction is known to the next owner, who does not wait for new records', async () => {
  const { partition, log, publish, own, done } = aPartition();
  for (let n = 0; n < 12; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const first = own();
  // The transaction's end has an offset of its own, and is no record.
  await first.take(log, log.length + 1);
  const retry = aRecord(partition, 7, { lane: '100', recipient: '+15550' }, topics.outboundRetry30s.name);
  await first.take([retry]);
  await eventually(() => expect(done.size).toBe(3));
  for (const job of first.jobs.splice(0)) job.done();
  await eventually(() => expect(first.jobs).toHaveLength(3));
  first.lose();
  const second = own(log.length);
  await eventually(() => expect(offsetsOf(second.jobs)).toEqual([10, 11, 7]));
});

it('while the database does not answer a new owner, there is no room, and nobody waits with a batch in hand', async () => {
  const { partition, log, publish, own } = aPartition();
  publish({ lane: '100', recipient: '+15550' });
  let room: Promise<void> | undefined;
  const owner = await inTransaction(database.dataSource, async (sql) => {
    await sql('LOCK TABLE dispatch_backlog IN ACCESS EXCLUSIVE MODE');
    const begun = own();
    room = begun.backlog.room(partition);
    expect(room).toBeDefined();
    return begun;
  });
  await room;
  expect(owner.backlog.room(partition)).toBeUndefined();
  await owner.take(log);
  expect(offsetsOf(owner.jobs)).toEqual([0]);
});

it('what is parked from a topic that was deleted is sent before what comes to the new one, and neither is taken for the other', async () => {
  const old = aPartition();
  for (let n = 0; n < 32; n++) old.publish({ lane: '100', recipient: `+1555${n}` });
  const before = old.own();
  await before.take(old.log);
  await eventually(() => expect(old.done.size).toBe(22));
  before.lose();
  const { log, publish, own, done, depth } = aPartition(undefined, undefined, old.partition);
  for (let n = 0; n < 25; n++) {
    const record = publish({ lane: '100', recipient: `+1555${n}` });
    log[n] = { ...record, timestamp: record.timestamp + 1 };
  }
  const { jobs, take } = own(0, 0);
  await expect(take(log)).rejects.toThrow('made anew');
  await take(log);
  await eventually(() => expect(done.size).toBe(25));
  expect(await depth()).toBe(47);
  const sent: KafkaRecord[] = [];
  while (sent.length < 47) {
    await eventually(() => expect(jobs.length).toBeGreaterThan(0));
    sent.push(jobs[0]!.record);
    jobs.shift()!.done();
  }
  expect(sent).toEqual([...old.log.slice(HELD), ...log]);
  await eventually(async () => expect(await depth()).toBe(0));
});

it('a log that seems to end earlier for a moment, since its leader has just started, is no other one: order is kept', async () => {
  const { log, publish, own, done } = aPartition();
  for (let n = 0; n < 3 * HELD; n++) publish({ lane: '100', recipient: '+15550' });
  const first = own();
  await first.take(log);
  await eventually(() => expect(done.size).toBe(2 * HELD));
  first.lose();
  const { jobs, take } = own();
  await expect(take(log.slice(0, 5), 5, 5)).rejects.toThrow('ends before what is parked');
  await take(log);
  for (let n = 0; n < 3 * HELD; n++) {
    await eventually(() => expect(jobs.length).toBeGreaterThan(0));
    const job = jobs.shift()!;
    expect(job.record.offset).toBe(n);
    job.done();
  }
});

it('what stands behind a message that was parked and is in memory keeps its place when both go to the next owner', async () => {
  const { partition, log, publish, own, done, table } = aPartition();
  const fill = (priority: Priority) => {
    for (let n = 0; n < HELD + 1; n++) publish({ lane: '100', recipient: `+1555${n}`, priority });
  };
  fill('reply');
  fill('campaign');
  const ours = { lane: '100', recipient: '+16660' };
  const parked = publish({ ...ours, priority: 'campaign' });
  const first = own();
  await first.take(log);
  await eventually(() => expect(done).toContain(parked));
  for (const job of first.jobs.filter(({ command }) => command.priority === 'campaign')) job.done();
  await eventually(() => expect(offsetsOf(first.jobs)).toContain(parked.offset));
  const behind = publish({ ...ours, priority: 'reply' });
  await first.take([behind]);
  await eventually(() => expect(done).toContain(behind));
  expect(await table.lastOf(partition, [ours])).toMatchObject([
    { position: behind.offset, priority: 'campaign' },
  ]);
  first.lose();
  const second = own();
  await second.take(log);
  await eventually(() => expect(offsetsOf(second.jobs)).toContain(behind.offset));
  const both = [parked.offset, behind.offset];
  expect(offsetsOf(second.jobs).filter((offset) => both.includes(offset))).toEqual(both);
});

it('whatever a publisher has put into a header is parked, and holds up nobody', async () => {
  const { log, publish, own, done } = aPartition();
  for (let n = 0; n < 12; n++) publish({ lane: '100', recipient: `+1555${n}` });
  log[11] = { ...log[11]!, headers: { 'x-own': 'a\0b' } };
  const { jobs, take } = own();
  await take(log);
  await eventually(() => expect(done.size).toBe(2));
  for (const job of jobs.splice(0)) job.done();
  await eventually(() => expect(jobs[1]?.record).toEqual(log[11]));
});

it.each([
  ['value', (value: Buffer) => ({ value: Buffer.concat([value, Buffer.alloc(200_000, ' ')]) })],
  ['headers', () => ({ headers: { 'x-own': 'x'.repeat(200_000) } })],
])(
  'what a lane brings into memory at once is bounded by its size there, however well the table packs it: %s',
  async (_, large) => {
    const { partition, publish, own, log, table } = aPartition();
    for (let n = 0; n < 20; n++) {
      const record = publish({ lane: '100', recipient: `+1555${n}` });
      log[n] = { ...record, ...large(record.value!) };
    }
    const { take } = own();
    await take(log);
    await eventually(async () => expect(await table.load([wantedOf(partition)])).toHaveLength(2));
  },
);

it('headers fill memory as values do', async () => {
  const { log, publish, own } = aPartition({ commands: 1000, bytes: 100_000 });
  for (let n = 0; n < 5; n++) {
    const record = publish({ lane: '100', recipient: `+1555${n}` });
    log[n] = { ...record, headers: { 'x-own': 'x'.repeat(25_000) } };
  }
  const { jobs, take } = own();
  await take(log);
  await take([0, 1, 2, 3, 4].map((n) => publish({ lane: '200', recipient: `+1666${n}` })));
  expect(jobs).toHaveLength(5 + 2);
});

it('one of a retry topic that is parked twice, by one owner and by the next that has it in memory, leaves nothing behind', async () => {
  const { partition, log, publish, own, depth, done } = aPartition();
  for (let n = 0; n < 12; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const retry = aRecord(partition, 7, { lane: '100', recipient: '+15559' }, topics.outboundRetry30s.name);
  const first = own();
  await first.take(log);
  await first.take([retry]);
  await eventually(() => expect(done.size).toBe(3));
  first.lose();
  done.clear();
  const second = own();
  await second.take(log);
  await eventually(() => expect(second.jobs).toHaveLength(10));
  for (const job of second.jobs.splice(0)) job.done();
  await eventually(() => expect(second.jobs.map(({ record }) => record)).toContainEqual(retry));
  // So many that the last of them are in memory, and it is not known yet that there are no more.
  for (let n = 0; n < 24; n++) publish({ lane: '100', recipient: `+1666${n}` });
  await second.take(log.slice(12));
  const isRetry = ({ record }: Job) => record.topic === retry.topic;
  await eventually(() => {
    if (offsetsOf(second.jobs).includes(35)) return;
    const others = second.jobs.filter((job) => !isRetry(job));
    second.jobs.splice(0, Infinity, ...second.jobs.filter(isRetry));
    for (const job of others) job.done();
    expect(offsetsOf(second.jobs)).toContain(35);
  });
  await second.take([retry]);
  await eventually(async () => {
    for (const job of second.jobs.splice(0)) job.done();
    expect(await depth()).toBe(0);
  });
});

it('what has waited in memory for long is copied into the table: its record is done, and it is still sent once, in its order', async () => {
  const { log, publish, own, done, depth } = aPartition(undefined, 20);
  for (let n = 0; n < 12; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const { jobs, take, backlog } = own();
  await take(log);
  await eventually(() => expect(done.size).toBe(12));
  expect(await depth()).toBe(12);
  expect(offsetsOf(jobs)).toEqual(log.slice(0, HELD).map(({ offset }) => offset));
  const sent: Job[] = [];
  while (sent.length < 12) {
    await eventually(() => expect(jobs.length).toBeGreaterThan(0));
    sent.push(jobs[0]!);
    jobs.shift()!.done();
  }
  expect(offsetsOf(sent)).toEqual(log.map(({ offset }) => offset));
  await eventually(async () => expect(await depth()).toBe(0));
  expect(backlog.depth).toBe(0);
  expect(jobs).toEqual([]);
});

it('what was copied from memory is found by the next owner, ahead of what was parked behind it', async () => {
  const { log, publish, own, done } = aPartition(undefined, 20);
  for (let n = 0; n < 12; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const first = own();
  await first.take(log);
  await eventually(() => expect(done.size).toBe(12));
  first.lose();
  const second = own(12);
  await eventually(() =>
    expect(offsetsOf(second.jobs)).toEqual(log.slice(0, HELD).map(({ offset }) => offset)),
  );
});

it('with memory full one that comes back waits at the end, and is sent', async () => {
  const { log, publish, own } = aPartition({ commands: HELD, bytes: 1_000_000 });
  for (let n = 0; n < HELD; n++) publish({ lane: '100', recipient: `+1555${n}` });
  const { jobs, take } = own();
  await take(log);
  const back = publish({ lane: '100', recipient: '+15550', place: 0 });
  await take([back]);
  expect(jobs.map(({ record }) => record)).not.toContain(back);
  for (let next = 0; next < log.length; next++) {
    await eventually(() => expect(jobs[next]).toBeDefined());
    jobs[next]!.done();
  }
  expect(offsetsOf(jobs)).toEqual(log.map(({ offset }) => offset));
});

it('what has waited for long is copied although batches come without a pause', async () => {
  const { publish, own, done } = aPartition(undefined, 20);
  const waiting = publish({ lane: '100', recipient: '+15550' });
  // Whether their recipients have something in the table is asked for each of the batches.
  const campaign = Array.from({ length: HELD + 1 }, (_, n) =>
    publish({ lane: '200', recipient: `+1666${n}`, priority: 'campaign' }),
  );
  const { jobs, take, lose } = own();
  await take([waiting, ...campaign]);
  let batch = Promise.resolve();
  for (const end = performance.now() + 15_000; !done.has(waiting) && performance.now() < end;) {
    // The next is there before the last is taken.
    const next = take([publish({ lane: '200', recipient: '+15551' })]);
    await batch;
    batch = next;
    for (const job of jobs.filter(({ command }) => command.to === '+15551')) {
      jobs.splice(jobs.indexOf(job), 1);
      job.done();
    }
  }
  await batch;
  lose();
  expect(done).toContain(waiting);
});

it('one that is sent while it is being copied leaves nothing behind', async () => {
  const { log, publish, own, done, partition, table } = aPartition(undefined, 20);
  publish({ lane: '100', recipient: '+15550' });
  const park = table.park.bind(table);
  table.park = (...parkings) => {
    jobs[0]!.done();
    return park(...parkings);
  };
  const { jobs, take } = own();
  await take(log);
  // One that was counted, and is there no longer.
  await eventually(async () =>
    expect(
      await database.dataSource.query(
        `SELECT depth FROM dispatch_backlog_lanes WHERE partition = ${partition}`,
      ),
    ).toEqual([{ depth: '0' }]),
  );
  expect(done.size).toBe(1);
});

it('in the order of each recipient everything is sent, through crashes and takeovers at any time', async () => {
  const asked = fc.record({
    lane: fc.constantFrom('100', '200'),
    recipient: fc.constantFrom('+15551', '+15552', '+15553', '+15554'),
    priority: fc.constantFrom(...priorities),
  });
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('publish' as const),
      all: fc.array(asked, { minLength: 5, maxLength: 40 }),
    }),
    fc.record({
      kind: fc.constant('send' as const),
      picks: fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 }),
    }),
    fc.record({ kind: fc.constant('retry' as const), asked }),
    fc.record({ kind: fc.constant('crash' as const), remembers: fc.boolean() }),
    fc.record({ kind: fc.constant('comeBack' as const), pick: fc.nat(1000) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 4, maxLength: 12 }),
      fc.constantFrom(1, 60_000),
      async (steps, copyAfterMs) => {
        const { partition, log, publish, own, done } = aPartition(undefined, copyAfterMs);
        const sent: KafkaRecord[] = [];
        const retries: KafkaRecord[] = [];
        /** By those of strict order that have come back: how many had been sent by then. */
        const sentBefore = new Map<KafkaRecord, number>();
        let owner = own();
        let read = 0;
        const readOn = async () => {
          const fresh = log.slice(read);
          read = log.length;
          if (fresh.length > 0) await owner.take(fresh);
        };
        /** As the scheduler does: of each recipient only the first may go, one that has come back before others. */
        const sendOne = (pick: number) => {
          const inOrder = [...owner.jobs].sort(
            (one, other) => (placeOf(one) ?? Number.MAX_VALUE) - (placeOf(other) ?? Number.MAX_VALUE),
          );
          const firsts = inOrder.filter(
            (job, index) =>
              inOrder.findIndex(
                ({ command }) =>
                  command.to === job.command.to && command.phoneNumberId === job.command.phoneNumberId,
              ) === index,
          );
          const job = firsts[pick % firsts.length];
          if (job === undefined) return;
          owner.jobs.splice(owner.jobs.indexOf(job), 1);
          const { topic, offset } = job.record;
          if (!sent.some((one) => one.topic === topic && one.offset === offset)) sent.push(job.record);
          job.done();
        };
        for (const one of steps) {
          if (one.kind === 'publish') {
            for (const asking of one.all) publish(asking);
            await readOn();
          } else if (one.kind === 'send') {
            one.picks.forEach(sendOne);
            await new Promise((resolve) => setImmediate(resolve));
          } else if (one.kind === 'retry') {
            retries.push(aRecord(partition, retries.length, one.asked, topics.outboundRetry30s.name));
            await owner.take(retries.slice(-1));
          } else if (one.kind === 'comeBack') {
            const original = sent.filter(isOfMain)[one.pick % Math.max(1, sent.filter(isOfMain).length)];
            if (original === undefined) continue;
            const { phoneNumberId: lane, to: recipient = '', priority } = commandOf(original);
            const place = standsAt(original);
            const back = publish({ lane, recipient, place, ...(priority !== undefined && { priority }) });
            await readOn();
            sentBefore.set(back, sent.length);
          } else {
            owner.lose();
            // The commit knows what was done above the first that was not, or does not.
            const first = log.findIndex((record) => !done.has(record));
            read = first < 0 ? log.length : first;
            if (!one.remembers) for (const record of log.slice(read)) done.delete(record);
            owner = own(read);
            const again = retries.filter((record) => !done.has(record));
            if (again.length > 0) await owner.take(again);
            await readOn();
          }
        }
        while (sent.length < log.length + retries.length) {
          await eventually(() => expect(owner.jobs.length).toBeGreaterThan(0));
          for (let n = owner.jobs.length; n > 0; n--) sendOne(0);
        }
        for (const key of new Set(log.map(recipientKey))) {
          const order = sent
            .filter(
              (record) =>
                isOfMain(record) && standsAt(record) === record.offset && recipientKey(record) === key,
            )
            .map(({ offset }) => offset);
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
        for (const [back, before] of sentBefore) {
          const passed = sent
            .slice(before, sent.indexOf(back))
            .filter((record) => isOfMain(record) && recipientKey(record) === recipientKey(back));
          for (const record of passed) expect(standsAt(record)).toBeLessThanOrEqual(standsAt(back));
        }
        owner.lose();
      },
    ),
    { numRuns: 80 },
  );
});

const isOfMain = ({ topic }: KafkaRecord) => topic === topics.outbound.name;

const commandOf = ({ value }: KafkaRecord) => JSON.parse(String(value)) as SendMessage;

const standsAt = (record: KafkaRecord) => placeOf({ command: commandOf(record), record }) ?? record.offset;

function recipientKey(record: KafkaRecord): string {
  const { phoneNumberId, to } = commandOf(record);
  return `${phoneNumberId}/${to}`;
}
