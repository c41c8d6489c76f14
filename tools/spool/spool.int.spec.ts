import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '@talaria/contracts';
import { createVerifiedProducer, type OutgoingRecord } from '@talaria/kafka';
import { encodeRecord } from '../../apps/ingestion/src/spool/spooled-record';
import { Spool } from '../../apps/ingestion/src/spool/spool';
import { testKafka, type TestKafka, testLogger } from '../../test/kit';
import { replaySpool } from './replay-spool';
import { spoolStatus, verifySpool } from './spool-status';

const names = [topics.webhooks.name, topics.webhooksDlq.name];
const say = () => undefined;

describe('the spool of a process that is gone', () => {
  let directory: string;
  let kafka: TestKafka;

  beforeAll(async () => (kafka = await testKafka(names)));
  afterAll(() => kafka.close());
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'spool-'))));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const record = (index: number): OutgoingRecord => ({
    topic: topics.webhooks.name,
    key: `1555000${index % 3}`,
    value: `value ${index}`,
    headers: { 'x-item-index': String(index) },
  });
  const open = () =>
    Spool.open({ directory, maxBytes: 1024 ** 3, logger: testLogger, onLost: () => undefined });
  const leave = async (count: number) => {
    const spool = await open();
    await Promise.all(Array.from({ length: count }, (_, index) => spool.append(encodeRecord(record(index)))));
    await spool.close();
  };
  const replay = async () => {
    const producer = await createVerifiedProducer({
      config: kafka.config,
      clientId: 'spec',
      topics: names,
      logger: testLogger,
    });
    try {
      return await replaySpool({ directory, producer, logger: testLogger, say });
    } finally {
      await producer.close();
    }
  };

  it('is told, verified, and replayed in order, damage set aside; then nothing is left of it', async () => {
    await leave(200);
    const [segment = ''] = readdirSync(directory).filter((name) => name.endsWith('.seg'));
    expect(await verifySpool(directory, say)).toMatchObject({ segments: 1, items: 200, damagedBytes: 0 });
    appendFileSync(join(directory, segment), 'cut off');
    expect(await verifySpool(directory, say)).toMatchObject({ items: 200, damagedBytes: 7 });

    expect(await replay()).toEqual({ segments: 1, items: 200, damagedBytes: 7 });
    const found = await kafka.readAll(topics.webhooks.name);
    expect(found).toHaveLength(200);
    for (const key of ['15550000', '15550001', '15550002']) {
      const order = found
        .filter((one) => String(one.key) === key)
        .map(({ headers }) => Number(headers['x-item-index']));
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
    expect(await spoolStatus(directory)).toMatchObject({ segments: 0, bytes: 0, damagedFiles: 1 });
    expect(await replay()).toEqual({ segments: 0, items: 0, damagedBytes: 0 });
  });

  it('is not replayed while a living process holds it', async () => {
    const spool = await open();
    await expect(replay()).rejects.toThrow(`is held by process ${process.pid}`);
    expect(await spoolStatus(directory)).toMatchObject({ heldBy: { pid: process.pid } });
    await spool.close();
  });

  it('is an error that names the folder when there is none', async () => {
    await expect(spoolStatus(join(directory, 'none'))).rejects.toThrow('there is no folder');
    mkdirSync(join(directory, 'empty'));
    expect(await spoolStatus(join(directory, 'empty'))).toMatchObject({ segments: 0, bytes: 0 });
  });
});
