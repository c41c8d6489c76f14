import { appendFileSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { readSpool, testSpools } from '../../../test/kit/spools';
import { type NotSpooledError, type Spool } from './spool';

describe('the spool', () => {
  let spools: ReturnType<typeof testSpools>;
  beforeEach(() => (spools = testSpools()));
  afterEach(async () => {
    jest.restoreAllMocks();
    await spools.close();
  });

  const appendAll = async (spool: Spool, texts: readonly string[]) => {
    await Promise.all(texts.map((text) => spool.append(Buffer.from(text))));
  };
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `entry ${from + index}`);
  const textsOf = async (spool: Spool) => {
    const { payloads, damagedBytes } = await readSpool(spool);
    return { texts: payloads.map(String), damagedBytes };
  };
  const files = (name = 'spool') =>
    readdirSync(join(spools.root, name)).filter((file) => file.endsWith('.seg'));

  it('gives back what was appended, in the order of the calls, also to a later process, and what that one appends behind it', async () => {
    const first = await spools.open();
    await appendAll(first, numbers(0, 300));
    await first.close();
    const second = await spools.open();
    await appendAll(second, numbers(300, 400));
    expect(await textsOf(second)).toEqual({ texts: numbers(0, 400), damagedBytes: 0 });
  });

  it('takes up at once what is asked for as soon as it has answered', async () => {
    const spool = await spools.open();
    for (let index = 0; index < 50; index++) {
      await Promise.all([spool.append(Buffer.from('a')), spool.append(Buffer.from('b'))]);
      await spool.seal();
    }
    expect(spool.segments).toHaveLength(50);
  });

  it('begins a new segment when one is full, and is empty when all are removed', async () => {
    const spool = await spools.open();
    const large = Buffer.alloc(1_500_000, 'x');
    for (let index = 0; index < 9; index++) await spool.append(large);
    await spool.seal();
    expect(spool.segments.length).toBeGreaterThan(2);
    expect(spool.bytes).toBeGreaterThan(9 * large.length);
    for (const segment of [...spool.segments]) await spool.remove(segment);
    expect([spool.bytes, spool.isEmpty, spool.oldestAt, files()]).toEqual([0, true, undefined, []]);
  });

  it('belongs to one process at a time', async () => {
    const spool = await spools.open();
    await expect(spools.open()).rejects.toThrow(`is held by process ${process.pid}`);
    await spool.close();
    await expect(spools.open()).resolves.toBeDefined();
  });

  it('refuses what goes beyond its size, and takes entries again when there is room', async () => {
    const spool = await spools.open('small', 2000);
    await spool.append(Buffer.alloc(1500));
    await expect(spool.append(Buffer.alloc(1500))).rejects.toMatchObject({ reason: 'full' });
    await spool.seal();
    await spool.remove(spool.segments[0]!);
    await expect(spool.append(Buffer.alloc(1500))).resolves.toBeUndefined();
  });

  it('refuses an entry so large that it would not be read again', async () => {
    const spool = await spools.open();
    const large = Buffer.alloc(8 * 1024 * 1024 + 1);
    await expect(spool.append(large)).rejects.toMatchObject({ reason: 'full' });
    await spool.append(large.subarray(1));
    expect((await readSpool(spool)).payloads.map((one) => one.length)).toEqual([large.length - 1]);
  });

  it('refuses while the disk refuses, keeps what it had, and goes on when the disk is well', async () => {
    const spool = await spools.open('gone');
    rmSync(join(spools.root, 'gone'), { recursive: true });
    const failure = (await spool
      .append(Buffer.from('lost'))
      .catch((error: unknown) => error)) as NotSpooledError;
    expect(failure).toMatchObject({ reason: 'disk', message: 'the spool cannot be written (ENOENT)' });
    expect(spool.isEmpty).toBe(true);
  });

  it('gives all that is whole in a damaged segment, tells how much is not, and keeps the very file, so that it needs no room', async () => {
    const before = await spools.open();
    await appendAll(before, numbers(0, 10));
    await before.close();
    const file = join(spools.root, 'spool', files()[0]!);
    appendFileSync(file, 'half an ent');
    const { ino } = statSync(file);

    const spool = await spools.open();
    expect(await textsOf(spool)).toEqual({ texts: numbers(0, 10), damagedBytes: 11 });
    await spool.setAside(spool.segments[0]!);
    expect([spool.isEmpty, files()]).toEqual([true, []]);
    expect(statSync(`${file}.damaged`).ino).toBe(ino);
    await spool.close();
    expect((await spools.open()).isEmpty).toBe(true);
  });

  it('syncs each folder that it makes in the one above, so that a power loss does not undo it', async () => {
    const opened = jest.spyOn(fs, 'open');
    await spools.open('a/b');
    const folders = opened.mock.calls.filter(([, flags]) => flags === 'r').map(([path]) => path);
    expect(folders).toEqual([join(spools.root, 'a'), spools.root]);
  });

  it('holds its reserve again, after a full disk took it, as soon as a segment is begun or drained', async () => {
    const spool = await spools.open();
    const reserve = join(spools.root, 'spool', 'reserve');
    rmSync(reserve);
    await appendAll(spool, ['1']);
    expect(statSync(reserve).size).toBe(64 * 1024);
    rmSync(reserve);
    await spool.seal();
    await spool.remove(spool.segments[0]!);
    expect(statSync(reserve).size).toBe(64 * 1024);
  });

  it('lets a full disk take no part of a reserve that it holds already', async () => {
    await (await spools.open()).close();
    const reserve = join(spools.root, 'spool', 'reserve');
    utimesSync(reserve, 0, 0);
    await spools.open();
    expect(statSync(reserve).mtimeMs).toBe(0);
  });

  it('takes nothing more when it is closed', async () => {
    const spool = await spools.open();
    await spool.close();
    await expect(spool.append(Buffer.from('late'))).rejects.toMatchObject({ reason: 'closed' });
  });
});
