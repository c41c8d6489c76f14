import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, told from a later one that was given the same pid. */
export type ProcessIdentity = {
  readonly pid: number;
  /** When it was started, in whatever words this system has for it; absent where it has none. */
  readonly startedAt?: string;
  /** Where its pid means something, see {@link ownPlace}. */
  readonly place?: string;
};

/**
 * Where the pids that this process sees mean something: this boot of this machine, and this PID namespace. Containers share neither pids nor, for certain, hostnames; machines may share a
 * hostname too. Only where the system does not tell of boots and namespaces is it the hostname.
 */
export function ownPlace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** The identity of a process that runs now, for {@link isAlive} to compare with later. */
export function identify(pid: number): ProcessIdentity {
  const startedAt = startOf(pid);
  return { pid, place: ownPlace(), ...(startedAt !== undefined && { startedAt }) };
}

/** Whether that very process, one of {@link ownPlace}, still runs. A zombie does not. */
export function isAlive({ pid, startedAt }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const start = startOf(pid);
  return start !== 'zombie' && (startedAt === undefined || start === undefined || start === startedAt);
}

/** Reads an identity out of a file's JSON; undefined when the file is absent, unreadable or says something else. */
export function readIdentity(file: string): ProcessIdentity | undefined {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
    return Number.isSafeInteger(found.pid) && found.pid > 0 ? found : undefined;
  } catch {
    return undefined;
  }
}

/** The name of the program that `pid` runs; undefined when there is none. */
export function programOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
  return ps(pid, 'comm=');
}

function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') return startInProc(pid);
  return ps(pid, 'lstart=');
}

function ps(pid: number, column: string): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', column, '-p', String(pid)], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
  });
  return status === 0 ? stdout.trim() || undefined : undefined;
}

function startInProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in brackets, may itself hold brackets and spaces: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'zombie' : fields[19];
  } catch {
    return undefined;
  }
}
