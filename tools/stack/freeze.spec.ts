import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../setup/eventually';
import { freeze } from './freeze';

describe('a process that is frozen', () => {
  let directory: string;
  let file: string;
  let child: ChildProcess;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'freeze-'));
    file = join(directory, 'count');
  });
  afterEach(() => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });
  const counted = () => readFileSync(file, 'utf8');

  it('does nothing more, and goes on when it is let', async () => {
    const counts = `let count = 0; for (;;) require('node:fs').writeFileSync(process.argv[1], String(count++))`;
    child = spawn(process.execPath, ['-e', counts, file]);
    await eventually(() => expect(Number(counted())).toBeGreaterThan(0));
    freeze(child.pid!);
    const before = counted();
    await sleep(100);
    expect(counted()).toBe(before);
    child.kill('SIGCONT');
    await eventually(() => expect(Number(counted())).toBeGreaterThan(Number(before)));
  });

  it('may be gone already', async () => {
    child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    expect(() => freeze(child.pid!)).not.toThrow();
  });
});
