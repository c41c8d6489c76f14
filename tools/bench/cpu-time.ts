import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever its kernel is built with. */
const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** The CPU time that processes have used since they started, in milliseconds; undefined where /proc does not tell. */
export function cpuMsOf(pids: readonly number[]): number | undefined {
  try {
    return pids.reduce((sum, pid) => sum + ticksOf(readFileSync(`/proc/${pid}/stat`, 'utf8')) * TICK_MS, 0);
  } catch {
    return undefined;
  }
}

/** User and system time in a line of /proc/<pid>/stat. The command's name, in brackets, may itself hold brackets and spaces. */
export function ticksOf(stat: string): number {
  const fields = fieldsOf(stat);
  return Number(fields[11]) + Number(fields[12]);
}

const fieldsOf = (stat: string) => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

/** The CPU time that everything on this machine has used, in milliseconds; undefined where /proc does not tell. */
export function busyMs(): number | undefined {
  try {
    const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8').split(/\s+/);
    return [user, nice, system, irq, softirq, steal].reduce((sum, ticks) => sum + Number(ticks) * TICK_MS, 0);
  } catch {
    return undefined;
  }
}

/** Resident memory of a process in bytes; undefined where /proc does not tell. */
export function residentBytesOf(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return undefined;
  }
}

/** The process that started this one; undefined where /proc does not tell. */
export function parentOf(pid: number): number | undefined {
  try {
    return Number(fieldsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'))[1]);
  } catch {
    return undefined;
  }
}

/**
 * The CPU time of a process and of all that it has started itself, those that have ended too, in milliseconds; undefined where /proc does
 * not tell.
 */
export function familyCpuMs(pid: number): number | undefined {
  try {
    const fields = fieldsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    const ended = Number(fields[13]) + Number(fields[14]);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number);
    // One that has ended since the list was read is counted next time, with those that ended.
    return (
      children.reduce((sum, child) => sum + (cpuMsOf([child]) ?? 0), cpuMsOf([pid]) ?? 0) + ended * TICK_MS
    );
  } catch {
    return undefined;
  }
}
