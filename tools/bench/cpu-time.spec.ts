import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpuMsOf, familyCpuMs, parentOf, ticksOf } from './cpu-time';

describe('the CPU time of a process', () => {
  it('is its user and system time, whatever its name is', () => {
    const after = 'S 1 2 3 4 5 6 7 8 9 10 1200 34 0 0 20 0';
    expect(ticksOf(`42 (a (b) c) ${after}`)).toBe(1234);
  });

  it('of a family counts children, and those that have ended', async () => {
    spawnSync(process.execPath, ['-e', 'for (const end = Date.now() + 100; Date.now() < end; );']);
    const before = familyCpuMs(process.pid);
    if (before === undefined) return; // no Linux
    expect(before).toBeGreaterThan((cpuMsOf([process.pid]) ?? 0) + 50);
    const child = spawn(process.execPath, [
      '-e',
      'for (const end = Date.now() + 300; Date.now() < end; ); console.log(); setTimeout(() => 0, 60000)',
    ]);
    await once(child.stdout, 'data');
    expect(parentOf(child.pid ?? 0)).toBe(process.pid);
    expect(familyCpuMs(process.pid)).toBeGreaterThan(before + 100);
    child.kill();
    await once(child, 'exit');
  });
});
