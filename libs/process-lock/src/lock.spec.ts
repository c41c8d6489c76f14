import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lock, LockedError, STALE_AFTER_MS } from './lock';

describe('a lock', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lock-'));
    file = join(directory, 'a.lock');
  });
  afterEach(() => {
    jest.useRealTimers();
    rmSync(directory, { recursive: true });
  });
  const lockOf = (owner: object) => writeFileSync(file, JSON.stringify(owner));

  it('is held by one process at a time, and leaves nothing behind', () => {
    const release = lock(file);
    expect(() => lock(file)).toThrow(`process ${process.pid}`);
    release();
    lock(file)();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    ['when its process is gone', () => ({ pid: spawnSync(process.execPath, ['--version']).pid })],
    ['when its pid belongs to a later process', () => ({ pid: process.pid, startedAt: 'before' })],
  ])('counts for nothing %s', (_, owner) => {
    lockOf(owner());
    lock(file)();
  });

  it('counts for nothing when it was half written', () => {
    writeFileSync(file, '{"pi');
    lock(file)();
  });

  it("of another machine counts for as long as it is touched, whatever that machine's process was", () => {
    lockOf({ pid: 999_999, host: 'another-machine' });
    expect(() => lock(file)).toThrow(LockedError);
    const longAgo = new Date(Date.now() - STALE_AFTER_MS - 1);
    utimesSync(file, longAgo, longAgo);
    lock(file)();
  });

  it('that somebody else has taken meanwhile is told to its owner, who leaves it alone', () => {
    jest.useFakeTimers();
    const onLost = jest.fn();
    const release = lock(file, onLost);
    jest.advanceTimersByTime(10_000);
    expect(onLost).not.toHaveBeenCalled();
    lockOf({ pid: 999_999, host: 'another-machine' });
    jest.advanceTimersByTime(10_000);
    expect(onLost).toHaveBeenCalledTimes(1);
    release();
    expect(readdirSync(directory)).toEqual(['a.lock']);
  });
});
