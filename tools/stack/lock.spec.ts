import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lock } from './lock';

describe('the lock of a stack directory', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'stack-lock-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is held by one stack at a time, and leaves nothing behind', () => {
    const release = lock(directory);
    expect(() => lock(directory)).toThrow(`process ${process.pid}`);
    release();
    lock(directory)();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('counts for nothing when its process is gone', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(join(directory, 'stack.lock'), JSON.stringify({ pid }));
    lock(directory)();
  });

  it('counts for nothing when its pid belongs to a later process', () => {
    writeFileSync(join(directory, 'stack.lock'), JSON.stringify({ pid: process.pid, startedAt: 'before' }));
    lock(directory)();
  });

  it('counts for nothing when it was half written', () => {
    writeFileSync(join(directory, 'stack.lock'), '{"pi');
    lock(directory)();
  });
});
