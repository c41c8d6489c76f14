import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '@talaria/contracts';
import { type OutgoingRecord } from '@talaria/kafka';
import { encodeRecord, Spool } from '@talaria/spool';
import { testKafka, type TestKafka, testLogger } from '../../../../test/kit';
import { jsonOf, runCli } from '../../testing/run-cli';

const names = [topics.webhooks.name, topics.webhooksDlq.name];

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
  const options = () => ({
    env: {
      KAFKA_BROKERS: kafka.config.KAFKA_BROKERS.join(','),
      KAFKA_PREFIX: kafka.config.KAFKA_PREFIX,
      SPOOL_DIR: directory,
    },
  });
  const spool = (...args: string[]) => runCli(['spool', ...args], options());
  const json = (...args: string[]) => jsonOf(['spool', ...args], options());

  it('is told, verified, and replayed in order, damage set aside; then nothing is left of it', async () => {
    await leave(200);
    const [segment = ''] = readdirSync(directory).filter((name) => name.endsWith('.seg'));
    expect(await json('verify')).toMatchObject({ segments: 1, items: 200, damagedBytes: 0 });
    expect(await spool('verify')).toMatchObject({ code: 0, err: '' });
    appendFileSync(join(directory, segment), 'cut off');
    const { size } = statSync(join(directory, segment));
    expect(await spool('verify')).toEqual({
      code: 1,
      err: `${segment}: bytes ${size - 7} to ${size} are no whole entry\n`,
      out: expect.stringMatching(
        /^folder .*\nheld by    no process\nwaiting    \d+ bytes in 1 segments\noldest     .*Z\nitems      200\ndamaged    7 bytes\n$/,
      ),
    });
    expect(await json('verify')).toMatchObject({ items: 200, damagedBytes: 7 });

    expect(await spool('replay', '--dry-run')).toMatchObject({
      code: 0,
      out: 'Would send 200 items to Kafka.\n',
    });
    const replayed = { directory, dryRun: false, segments: 1, items: 200, damagedBytes: 7 };
    expect(await json('replay')).toEqual(replayed);
    const found = await kafka.readAll(topics.webhooks.name);
    expect(found).toHaveLength(200);
    for (const key of ['15550000', '15550001', '15550002']) {
      const order = found
        .filter((one) => String(one.key) === key)
        .map(({ headers }) => Number(headers['x-item-index']));
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
    expect(await json('status')).toMatchObject({ segments: 0, bytes: 0, damagedFiles: 1 });
    expect(await spool('replay')).toMatchObject({ code: 0, out: '0 items are in Kafka.\n' });
  });

  it('is not replayed while a living process holds it', async () => {
    const held = await open();
    expect(await spool('replay')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(`is held by process ${process.pid}`),
    });
    expect(await json('status')).toMatchObject({ heldBy: { pid: process.pid } });
    await held.close();
  });
});
