import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@talaria/contracts';
import {
  MissingTopicError,
  NotWrittenError,
  type OutgoingRecord,
  type VerifiedProducer,
} from '@talaria/kafka';
import { decodeRecord, Spool } from '@talaria/spool';
import fc from 'fast-check';
import { eventually } from '../../../../test/kit/eventually';
import { testLogger } from '../../../../test/kit/logger';
import { readSpool, testSpools } from '../../../../test/kit/spools';
import { RecordWriter } from './record-writer';

const BUDGET_MS = 20;

/** Kafka of one partition, which can be away. What was on its way when it went is written when it is back, whoever gave it up. */
class SlowKafka {
  readonly log: OutgoingRecord[] = [];
  refuses: (record: OutgoingRecord) => boolean = () => false;
  private queue: { record: OutgoingRecord; resolve: () => void; reject: (error: Error) => void }[] = [];
  private isAway = false;
  private onItsWay = 0;

  goAway(): void {
    this.isAway = true;
    this.onItsWay = this.queue.length;
  }

  comeBack(): void {
    this.isAway = false;
    this.pump();
  }

  readonly connect = (): Promise<VerifiedProducer> => {
    let closed = false;
    const giveUp = () => {
      const [kept, dropped] = [this.queue.slice(0, this.onItsWay), this.queue.slice(this.onItsWay)];
      this.queue = kept;
      for (const { reject } of [...kept, ...dropped]) reject(new NotWrittenError('given-up', 'given up'));
    };
    return Promise.resolve({
      send: (record) =>
        new Promise((resolve, reject) => {
          if (closed) {
            reject(new NotWrittenError('closed', 'closed'));
            return;
          }
          const written = () => resolve({ topic: record.topic, partition: 0, offset: this.log.length });
          this.queue.push({ record, resolve: written, reject });
          if (this.isAway && this.onItsWay === 0) this.onItsWay = 1;
          setImmediate(() => this.pump());
        }),
      partitionFor: () => 0,
      giveUp,
      fault: () => (this.isAway ? 'away' : undefined),
      close: () => {
        closed = true;
        giveUp();
        return Promise.resolve();
      },
    });
  };

  private pump(): void {
    if (this.isAway) return;
    for (const { record, resolve, reject } of this.queue.splice(0)) {
      if (this.refuses(record)) reject(new NotWrittenError('refused', 'MESSAGE_TOO_LARGE'));
      else {
        this.log.push(record);
        resolve();
      }
    }
    this.onItsWay = 0;
  }
}

describe('the writer of records', () => {
  let spools: ReturnType<typeof testSpools>;
  let kafka: SlowKafka;
  let spool: Spool;
  let writer: RecordWriter;
  let openRefused: () => Promise<Spool>;
  const onFatal = jest.fn();

  const create = (connect = kafka.connect) => {
    writer = new RecordWriter({
      connect,
      spool,
      openRefused: () => openRefused(),
      budgetMs: BUDGET_MS,
      logger: testLogger,
      onFatal,
    });
    writer.start();
    return writer;
  };
  const begin = async () => {
    onFatal.mockClear();
    spools = testSpools();
    kafka = new SlowKafka();
    openRefused = () => spools.open('spool/refused');
    spool = await spools.open();
  };
  const end = async () => {
    await writer.close();
    await spools.close();
  };
  beforeEach(begin);
  afterEach(end);

  const aRecord = (value: string, key = 'a'): OutgoingRecord => ({
    topic: topics.webhooks.name,
    key,
    value,
    headers: { h: '1' },
  });
  const values = () => kafka.log.map(({ value }) => String(value));
  const spooled = async (from: Spool) =>
    (await readSpool(from)).payloads.map((payload) => String(decodeRecord(payload).value));
  const drained = () => eventually(() => expect(spool.isEmpty).toBe(true));

  it('counts as hanging when it does not drain though Kafka answers, and not while Kafka is away', async () => {
    const now = jest.spyOn(performance, 'now');
    const later = () => now.mockReturnValue(performance.now() + 121_000);
    let connected: (producer: VerifiedProducer) => void = () => undefined;
    create(() => new Promise((resolve) => (connected = resolve)));
    try {
      expect(writer.stalled()).toBeUndefined();
      later();
      expect(writer.stalled()).toBe('the spool has not been drained for 120 s');
      kafka.goAway();
      void writer.write({ topic: topics.webhooks.name, key: 'a', value: 'a' });
      connected(await kafka.connect());
      await eventually(() => expect(writer.stalled()).toBeUndefined());
      later();
      expect(writer.stalled()).toBeUndefined();
    } finally {
      now.mockRestore();
      kafka.comeBack();
    }
    await eventually(() => expect(kafka.log).toHaveLength(1));
    expect(writer.stalled()).toBeUndefined();
  });

  it('writes to Kafka, and nothing to the disk, while Kafka takes it in time', async () => {
    create();
    await drained();
    await Promise.all(['1', '2', '3'].map((value) => writer.write(aRecord(value))));
    expect(values()).toEqual(['1', '2', '3']);
    expect(spool.bytes).toBe(0);
  });

  it('turns to the spool with all that Kafka has not confirmed in time, then lets nobody wait, and drains in order with nothing changed', async () => {
    create();
    await writer.write(aRecord('0'));
    await drained();
    kafka.goAway();
    await Promise.all(['1', '2', '3'].map((value) => writer.write(aRecord(value))));
    await writer.write(aRecord('4'));
    expect(values()).toEqual(['0']);
    kafka.comeBack();
    await drained();
    await writer.write(aRecord('5'));
    expect([...new Set(values())]).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(kafka.log.find(({ value }) => String(value) === '4')).toEqual({
      ...aRecord('4'),
      value: Buffer.from('4'),
    });
  });

  it('takes records before Kafka can be reached, and what an earlier process left goes first', async () => {
    kafka.goAway();
    create();
    await writer.write(aRecord('left'));
    await writer.close();
    spool = await spools.open();
    let isThere = false;
    create(() => (isThere ? kafka.connect() : Promise.reject(new Error('ECONNREFUSED'))));
    await writer.write(aRecord('new'));
    kafka.comeBack();
    isThere = true;
    await eventually(() => expect([...new Set(values())]).toEqual(['left', 'new']));
    expect(onFatal).not.toHaveBeenCalled();
  });

  it('is starting until Kafka takes records, or is known not to', async () => {
    let connect: () => void = () => undefined;
    create(() => new Promise((resolve) => (connect = () => resolve(kafka.connect()))));
    expect(writer.starting()).toBe('connects to Kafka');
    connect();
    await drained();
    await eventually(() => expect(writer.starting()).toBeUndefined());
    await writer.close();

    spool = await spools.open();
    create(() => Promise.reject(new Error('ECONNREFUSED')));
    expect(writer.starting()).toBe('connects to Kafka');
    await eventually(() => expect(writer.starting()).toBeUndefined(), 1000);
  });

  it('stops loudly when a topic is missing', async () => {
    create(() => Promise.reject(new MissingTopicError(['whatsapp.webhooks'])));
    await eventually(() => expect(onFatal).toHaveBeenCalledWith(expect.any(MissingTopicError)));
  });

  it('refuses when neither Kafka nor the spool takes it, says so to health, and recovers', async () => {
    spool = await spools.open('small', 300);
    create();
    await writer.write(aRecord('0'));
    await eventually(() => expect(spool.isEmpty).toBe(true));
    kafka.goAway();
    await writer.write(aRecord('1'));
    expect(writer.fault()).toBeUndefined();
    await expect(writer.write(aRecord('x'.repeat(400)))).rejects.toMatchObject({ reason: 'full' });
    expect(writer.fault()).toContain('spool is full');
    kafka.comeBack();
    await drained();
    // On a machine that stalls even the next one may miss its budget, and go by the spool.
    await eventually(async () => {
      await writer.write(aRecord('2'));
      expect(writer.fault()).toBeUndefined();
    }, 3000);
    await drained();
    expect([...new Set(values())]).toEqual(['0', '1', '2']);
  });

  it('makes a dead letter of what Kafka refuses for ever, and keeps what is refused as that too in a folder', async () => {
    create();
    await drained();
    kafka.refuses = ({ topic }) => topic === topics.webhooks.name;
    await writer.write(aRecord('large'));
    expect(kafka.log).toMatchObject([
      { topic: topics.webhooksDlq.name, value: 'large', headers: { h: '1', 'x-dlq-cause': 'invalid' } },
    ]);
    kafka.refuses = () => true;
    await writer.write(aRecord('larger'));
    await writer.close();
    expect(await spooled(spools.opened.at(-1)!)).toEqual(['larger']);
  });

  it('sends the rest of a segment once though some of it can be kept nowhere, and tries that more and more rarely until it is getting on', async () => {
    const pauses = jest.spyOn(testLogger, 'error');
    const pausesMs = () =>
      pauses.mock.calls.flatMap(([about]) => (about as { againMs?: number }).againMs ?? []);
    const refusedValues = new Set(['x', 'y']);
    kafka.refuses = ({ value }) => refusedValues.has(String(value));
    openRefused = () => Promise.reject(new Error('ENOSPC'));
    kafka.goAway();
    create();
    await Promise.all(['1', 'x', '2', 'y', '3'].map((value) => writer.write(aRecord(value))));
    kafka.comeBack();
    await eventually(() => expect(pausesMs()).toEqual([500, 1000]));
    refusedValues.delete('x');
    await eventually(() => expect(pausesMs()).toEqual([500, 1000, 500]));
    refusedValues.delete('y');
    await drained();
    expect(values()).toEqual(['1', '2', '3', 'x', 'y']);
    pauses.mockRestore();
  });

  it('does not wait for the next try of a drain when it is closed', async () => {
    jest.spyOn(Spool.prototype, 'read').mockRejectedValue(new Error('EIO'));
    const told = jest.spyOn(testLogger, 'error');
    create();
    await writer.write(aRecord('1'));
    await eventually(() => expect(told.mock.calls.length).toBeGreaterThanOrEqual(3));
    const from = performance.now();
    await writer.close();
    expect(performance.now() - from).toBeLessThan(1000);
    jest.restoreAllMocks();
    expect(await spooled(await spools.open())).toEqual(['1']);
  });

  it('keeps on the disk what was not confirmed when it is closed', async () => {
    create();
    await drained();
    kafka.goAway();
    const written = writer.write(aRecord('1'));
    await writer.close();
    await written;
    expect(await spooled(await spools.open())).toEqual(['1']);
  });

  it('loses nothing and keeps the order of each key, whenever Kafka goes and comes', async () => {
    type Step = { readonly write: string } | 'away' | 'back' | 'pause' | 'restart';
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom('a', 'b').map((key): Step => ({ write: key })) },
        { weight: 3, arbitrary: fc.constantFrom<Step>('away', 'back', 'pause') },
        { weight: 1, arbitrary: fc.constant<Step>('restart') },
      ),
      { minLength: 5, maxLength: 30 },
    );
    await end();
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        await begin();
        create();
        const accepted: { key: string; value: string; written: Promise<void> }[] = [];
        for (const step of script) {
          if (step === 'away') kafka.goAway();
          else if (step === 'back') kafka.comeBack();
          else if (step === 'pause') await sleep(BUDGET_MS * 1.5);
          else if (step === 'restart') {
            await writer.close();
            spool = await spools.open();
            create();
          } else {
            const value = String(accepted.length);
            accepted.push({ key: step.write, value, written: writer.write(aRecord(value, step.write)) });
          }
        }
        kafka.comeBack();
        await Promise.all(accepted.map(({ written }) => written));
        await eventually(() => expect(spool.isEmpty).toBe(true));
        for (const key of ['a', 'b']) {
          const found = kafka.log.filter((record) => record.key === key).map(({ value }) => String(value));
          const sent = accepted.filter((one) => one.key === key).map(({ value }) => value);
          expect([...new Set(found)]).toEqual(sent);
        }
        await end();
      }),
      { numRuns: 40 },
    );
    await begin();
    create();
  }, 60_000);
});
