import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, endOrphans } from './child';

describe('a child process', () => {
  let directory: string;
  const start = (script: string) =>
    new Child({
      name: 'It',
      command: process.execPath,
      args: ['-e', script],
      cwd: directory,
      env: {},
      log: join(directory, 'log'),
      pidFile: join(directory, 'pids', 'it.json'),
      stopSignal: 'SIGTERM',
      killSignal: 'SIGKILL',
    });
  const never = () => new Promise<void>(() => undefined);

  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'stack-child-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('that dies before it is ready ends the wait with the end of its log', async () => {
    const child = start('console.error("no such setting"); process.exit(3)');
    await expect(child.until(never)).rejects.toThrow(/It did not start \(exit code 3\)[^]*no such setting/);
  });

  it('that cannot be started says so', async () => {
    const child = new Child({ ...start('').options, command: '/nowhere' });
    await expect(child.until(never)).rejects.toThrow('could not be started');
  });

  it('is stopped although it is paused', async () => {
    const child = start('setInterval(() => {}, 1000)');
    child.signal('SIGSTOP');
    await child.stop();
    await expect(child.ended).resolves.toBe('SIGTERM');
    expect(readdirSync(join(directory, 'pids'))).toEqual([]);
  });

  it('is found and ended by the next run when its owner was killed', async () => {
    const child = start('setInterval(() => {}, 1000)');
    await endOrphans(join(directory, 'pids'));
    await expect(child.ended).resolves.toBe('SIGKILL');
  });
});
