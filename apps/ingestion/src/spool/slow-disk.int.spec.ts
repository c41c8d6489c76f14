import { type FileHandle, open } from 'node:fs/promises';
import { decodeRecord } from '@talaria/spool';
import { eventually, testLogger } from '../../../../test/kit';
import { readSpool, testSpools } from '../../../../test/kit/spools';
import { ask } from '../../testing/raw-connection';
import { startIngestion, webhook } from '../../testing/test-ingestion';
import { RecordWriter } from './record-writer';

describe('a disk that does not sync', () => {
  const spools = testSpools();
  afterEach(async () => {
    jest.restoreAllMocks();
    await spools.close();
  });

  it('means 503, never 200, and 200 again when it syncs', async () => {
    const heal = await breakSync();
    const writer = new RecordWriter({
      connect: () => Promise.reject(new Error('Kafka is away')),
      spool: await spools.open(),
      openRefused: () => spools.open('spool/refused'),
      budgetMs: 1000,
      logger: testLogger,
      onFatal: () => undefined,
    });
    const ingestion = await startIngestion({ write: (record) => writer.write(record) });
    const post = async (id: string) => (await ask(ingestion.port, webhook(bodyOf(id))))?.status;
    try {
      expect(await Promise.all([post('1'), post('2')])).toEqual([503, 503]);
      expect(await post('3')).toBe(503);
      heal();
      // The disk syncs what piled up first.
      await eventually(async () => expect(await post('4')).toBe(200));
    } finally {
      heal();
      await ingestion.close();
      await writer.close();
    }
    const { payloads } = await readSpool(await spools.open());
    expect(payloads.map((payload) => String(decodeRecord(payload).value)).join()).toContain('item-4');
  });
});

const bodyOf = (id: string) =>
  JSON.stringify({ entry: [{ id: '1', changes: [{ field: 'flows', value: { id: `item-${id}` } }] }] });

/** From now on no file is synced. @returns lets all of that come to its end */
async function breakSync(): Promise<() => void> {
  const any = await open(__filename);
  const prototype = Object.getPrototypeOf(any) as FileHandle;
  await any.close();
  let heal: () => void = () => undefined;
  const healed = new Promise<void>((resolve) => (heal = resolve));
  jest.spyOn(prototype, 'datasync').mockImplementation(async function (this: FileHandle) {
    await healed;
    await this.sync();
  });
  return heal;
}
