import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../test/kit/eventually';
import { holderOf, lock, LockedError, STALE_AFTER_MS } from './lock';
import { ownPlace } from './process-identity';

/** Out of sight, though the hostname is ours. */
const elsewhere = { host: hostname(), place: 'another boot, or another PID namespace' };

describe('a lock', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lock-'));
    file = join(directory, 'a.lock');
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const lockOf = (owner: object) => writeFileSync(file, JSON.stringify(owner));
  const growStale = () => {
    const longAgo = new Date(Date.now() - STALE_AFTER_MS - 1);
    utimesSync(file, longAgo, longAgo);
  };

  it('is held by one process at a time, and leaves nothing behind', async () => {
    const release = await lock(file);
    await expect(lock(file)).rejects.toThrow(`process ${process.pid}`);
    release();
    (await lock(file))();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    ['when its process is gone', () => ({ pid: spawnSync(process.execPath, ['--version']).pid })],
    ['when its pid belongs to a later process', () => ({ pid: process.pid, startedAt: 'before' })],
  ])('counts for nothing %s', async (_, owner) => {
    lockOf({ ...owner(), place: ownPlace() });
    (await lock(file))();
  });

  it('counts for nothing when it was half written', async () => {
    writeFileSync(file, '{"pi');
    (await lock(file))();
  });

  it('of a process out of sight counts for as long as it is touched, whatever has its pid here', async () => {
    for (const pid of [1, 999_999, process.pid]) {
      lockOf({ ...elsewhere, pid, startedAt: 'another time' });
      await expect(lock(file)).rejects.toThrow(LockedError);
    }
    growStale();
    (await lock(file))();
  });

  it('taken from an owner out of sight is given only when nobody else has taken it meanwhile', async () => {
    lockOf({ ...elsewhere, pid: 999_999 });
    growStale();
    const taken = lock(file);
    expect(holderOf(file)).toMatchObject({ pid: process.pid });
    lockOf({ ...elsewhere, pid: 999_998 });
    await expect(taken).rejects.toMatchObject({ owner: { pid: 999_998 } });
  });

  it('shows that its owner lives', async () => {
    const release = await lock(file);
    growStale();
    await eventually(() => expect(Date.now() - statSync(file).mtimeMs).toBeLessThan(STALE_AFTER_MS));
    release();
  });

  it('that somebody else has taken meanwhile is told to its owner, who leaves it alone', async () => {
    const onLost = jest.fn();
    const release = await lock(file, onLost);
    lockOf({ ...elsewhere, pid: 999_999 });
    await eventually(() => expect(onLost).toHaveBeenCalledTimes(1));
    release();
    expect(readdirSync(directory)).toEqual(['a.lock']);
  });

  it('is let go of without an error when it cannot be read', async () => {
    const release = await lock(file);
    rmSync(file);
    mkdirSync(file);
    expect(release).not.toThrow();
  });
});
