import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const STOPS_WITHIN_MS = 5000;
const LOOK_EVERY_MS = 1;
const nothing = new Int32Array(new SharedArrayBuffer(4));

/**
 * SIGSTOP; returns when the process stands still, so that nothing it does comes after. The signal alone does not promise that: the first of its
 * threads to run takes it, which on a busy machine is a while during which the others go on. One that is gone needs none.
 * @throws when it goes on for 5 s
 */
export function freeze(pid: number): void {
  try {
    process.kill(pid, 'SIGSTOP');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
    throw error;
  }
  const until = Date.now() + STOPS_WITHIN_MS;
  // Stopped, a zombie, or gone.
  while (!/^[TtZX]?$/.test(stateOf(pid))) {
    if (Date.now() > until) throw new Error(`Process ${pid} does not stand still after SIGSTOP.`);
    Atomics.wait(nothing, 0, 0, LOOK_EVERY_MS);
  }
}

/** As `ps` calls it, one letter; empty when there is no such process. */
function stateOf(pid: number): string {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' });
    return stdout.trim().slice(0, 1);
  }
  try {
    // Behind the name of the program, which may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2);
  } catch {
    return '';
  }
}
