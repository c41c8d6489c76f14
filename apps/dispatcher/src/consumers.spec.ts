import { setImmediate as nextTurn } from 'node:timers/promises';
import { headers, topics } from '@talaria/contracts';
import { type KafkaRecord, type RecordBatch } from '@talaria/kafka';
import { testLogger } from '../../../test/kit/logger';
import { Consumers } from './consumers';
import { type Arrival, type Backlog } from './backlog/backlog';
import { type Outlet } from './dispatch/outlet';

const HOUR = 3_600_000;
const valueOf = (wabaId: string) =>
  Buffer.from(
    JSON.stringify({
      id: 'c',
      wabaId,
      phoneNumberId: '100',
      to: '+15550001111',
      message: { type: 'text', text: { body: 'x' } },
    }),
  );
const value = valueOf('900');

function rig(isAway = false) {
  const log: string[] = [];
  const lost = new AbortController();
  const backlog = {
    room: () => undefined,
    take: (_batch: RecordBatch, arrivals: readonly Arrival[]) => {
      if (isAway) return Promise.reject(new Error('the database is away'));
      for (const { record } of arrivals) log.push(`added ${record.offset}`);
      return Promise.resolve();
    },
  } as unknown as Backlog;
  const faults: Error[] = [];
  const outlet = {
    ownerPartition: (wabaId: string) => (wabaId === '900' ? 0 : 7),
    forward: async ({ offset }: KafkaRecord, partition: number) => {
      log.push(`forwards ${offset} to ${partition}`);
      await nextTurn();
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
    },
    moveOn: (record: KafkaRecord) => Promise.resolve(void log.push(`moved ${record.offset}`)),
    deadLetter: (record: KafkaRecord, { cause }: { cause: string }) =>
      Promise.resolve(void log.push(`${cause} ${record.offset}`)),
  } as unknown as Outlet;
  const batchOf = (topic: string, records: readonly Partial<KafkaRecord>[]): RecordBatch => ({
    topic,
    partition: 0,
    records: records.map((record, offset) => ({
      topic,
      partition: 0,
      offset,
      timestamp: Date.now(),
      key: null,
      value,
      headers: {},
      ...record,
    })),
    highWatermark: 100,
    next: records.length,
    lost: lost.signal,
    isOurs: () => !lost.signal.aborted,
    alive: () => undefined,
    done: (offset) => void log.push(`done ${offset}`),
  });
  return { consumers: new Consumers(backlog, outlet, testLogger), batchOf, log, lost, faults };
}

const dueIn = (ms: number) => ({ headers: { [headers.dueAt]: String(Date.now() + ms) } });

it('takes what is due and holds the partition until the next is', async () => {
  const { consumers, batchOf, log } = rig();
  const from = performance.now();
  const batch = batchOf(topics.outboundRetry30s.name, [dueIn(-5), dueIn(300), {}]);
  const { taken, resume } = await consumers.retry30s(batch);
  expect(taken).toBe(1);
  expect(log).toEqual(['added 0']);
  await resume;
  expect(performance.now() - from).toBeGreaterThanOrEqual(290);
});

it('moves on a record that is due much later, so that those behind it are not held', async () => {
  const { consumers, batchOf, log } = rig();
  const old = { timestamp: Date.now() - 61_000 };
  const { taken } = await consumers.retry30s(
    batchOf(topics.outboundRetry30s.name, [{ ...old, ...dueIn(100_000) }, {}]),
  );
  expect(taken).toBe(2);
  expect(log).toEqual(['moved 0', 'done 0', 'added 1']);
});

it('does not hold a partition that is lost', async () => {
  const { consumers, batchOf, lost } = rig();
  const { resume } = await consumers.retry1h(batchOf(topics.outboundRetry1h.name, [dueIn(HOUR)]));
  lost.abort();
  await resume;
});

it.each([
  ['not a time', 'soon'],
  ['a time in years', String(Date.now() + 9999 * HOUR)],
])('takes %s for due', async (_title, due) => {
  const { consumers, batchOf, log } = rig();
  await consumers.retry1h(batchOf(topics.outboundRetry1h.name, [{ headers: { [headers.dueAt]: due } }]));
  expect(log).toEqual(['added 0']);
});

it('lets no due time hold the main topic', async () => {
  const { consumers, batchOf, log } = rig();
  await consumers.outbound(batchOf(topics.outbound.name, [dueIn(HOUR)]));
  expect(log).toEqual(['added 0']);
});

it('takes nothing while it can be neither held nor parked, and comes again', async () => {
  const { consumers, batchOf, log, lost } = rig(true);
  const { taken, resume } = await consumers.outbound(batchOf(topics.outbound.name, [{}, {}]));
  expect(taken).toBe(0);
  expect(log).toEqual([]);
  lost.abort();
  await resume;
});

it('finishes what is no command only when it is among the dead letters', async () => {
  const { consumers, batchOf, log } = rig();
  const wrong = [{ value: Buffer.from('{') }, { value: null }, { value: Buffer.from('{}') }];
  await consumers.outbound(batchOf(topics.outbound.name, wrong));
  expect(log).toEqual(['decode 0', 'done 0', 'decode 1', 'done 1', 'invalid 2', 'done 2']);
});

describe('a command that lies in another partition than its WABA', () => {
  const stray = { value: valueOf('901') };

  it('is forwarded with the others of its batch, in order, and only then finished', async () => {
    const { consumers, batchOf, log } = rig();
    await consumers.outbound(batchOf(topics.outbound.name, [stray, {}, stray]));
    expect(log).toEqual(['forwards 0 to 7', 'forwards 2 to 7', 'done 0', 'done 2', 'added 1']);
  });

  it('comes again, with those behind it, when it could not be forwarded', async () => {
    const { consumers, batchOf, log, lost, faults } = rig();
    faults.push(new Error('full'));
    const { taken, resume } = await consumers.outbound(batchOf(topics.outbound.name, [{}, stray, {}]));
    expect(taken).toBe(1);
    expect(log).not.toContain('done 1');
    lost.abort();
    await resume;
  });

  it('is not forwarded twice, nor out of a retry topic', async () => {
    const { consumers, batchOf, log } = rig();
    const forwarded = { ...stray, headers: { [headers.rekeyedTo]: '0' } };
    await consumers.outbound(batchOf(topics.outbound.name, [forwarded]));
    await consumers.retry30s(batchOf(topics.outboundRetry30s.name, [stray]));
    expect(log).toEqual(['added 0', 'added 0']);
  });

  it('is forwarded though it says that it was forwarded to elsewhere', async () => {
    const { consumers, batchOf, log } = rig();
    const copied = { ...stray, headers: { [headers.rekeyedTo]: '3' } };
    await consumers.outbound(batchOf(topics.outbound.name, [copied]));
    expect(log).toEqual(['forwards 0 to 7', 'done 0']);
  });
});
