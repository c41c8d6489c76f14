import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, readIdentity, type ProcessIdentity } from '@talaria/process-lock';
import { freeze } from './freeze';

export type ChildOptions = {
  /** For people, e.g. "Kafka node 1". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Standard output and standard error are appended to this file. */
  readonly log: string;
  /** Written while it runs, so that {@link endOrphans} finds it if this process is killed. */
  readonly pidFile: string;
  /** The signal that makes it end in good order. */
  readonly stopSignal: NodeJS.Signals;
  /** The signal that makes it, and what it has started, end at once. */
  readonly killSignal: NodeJS.Signals;
  /** Another account to run as; only root may. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
  /** Called when it ends, after it was ready, though nobody asked it to. */
  readonly onUnexpectedEnd?: (how: string) => void;
};

type PidFile = ProcessIdentity & Pick<ChildOptions, 'stopSignal' | 'killSignal'>;

/** Postgres itself waits 5 s for the processes that it has started before it ends them by force. */
const KILL_WITHIN_MS = 8_000;
const running = new Set<Child>();

/** The last resort: a stack whose owner exits without stop() leaves nothing running. */
process.on('exit', () => {
  for (const child of running) {
    child.signal(child.options.killSignal);
    // One that is paused sees only SIGKILL.
    child.signal('SIGCONT');
  }
});

/**
 * A server that this process started. It has a process group of its own, so that Ctrl-C in a terminal reaches only
 * us, and we end it when everything that uses it has ended.
 */
export class Child {
  /** Resolves when it is gone, with words for how it ended. Never rejects. */
  readonly ended: Promise<string>;
  private readonly process: ChildProcess;
  /** While it starts its end is told by until(), and once it is being stopped by nobody. */
  private expected = true;

  constructor(readonly options: ChildOptions) {
    const { command, args, cwd, env, account } = options;
    mkdirSync(dirname(options.log), { recursive: true });
    mkdirSync(dirname(options.pidFile), { recursive: true });
    const log = openSync(options.log, 'a');
    this.process = spawn(command, args, {
      cwd,
      env,
      ...account,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    if (this.process.pid !== undefined) {
      running.add(this);
      const { stopSignal, killSignal } = options;
      const note: PidFile = { ...identify(this.process.pid), stopSignal, killSignal };
      writeFileSync(options.pidFile, JSON.stringify(note));
    }
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => resolve(this.end(`could not be started: ${error.message}`)));
      this.process.once('exit', (code, signal) => resolve(this.end(signal ?? `exit code ${String(code)}`)));
    });
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Sends a signal; nothing happens when it is gone. */
  signal(signal: NodeJS.Signals): void {
    if (running.has(this)) this.process.kill(signal);
  }

  /** SIGSTOP; returns when it stands still. SIGCONT lets it go on. Nothing happens when it is gone. */
  freeze(): void {
    if (running.has(this) && this.pid !== undefined) freeze(this.pid);
  }

  /** Ends it in good order, and by force if that takes longer than `withinMs`. Resolves when it is gone. */
  async stop(withinMs = 15_000): Promise<void> {
    this.expected = true;
    // A paused process would not see any other signal.
    this.signal('SIGCONT');
    this.signal(this.options.stopSignal);
    await Promise.race([this.ended, sleep(withinMs, undefined, { ref: false })]);
    this.signal('SIGKILL');
    await this.ended;
  }

  /** Ends it as a power cut would. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.expected = true;
    this.signal('SIGKILL');
    await this.ended;
  }

  /** Resolves with `ready`'s value; rejects as soon as the process ends, showing the end of its log. */
  async until<T>(ready: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const stop = new AbortController();
    try {
      const died = this.ended.then((how) => {
        throw new Error(`${this.options.name} did not start (${how}).\n${endOfLog(this.options.log)}`);
      });
      const value = await Promise.race([ready(stop.signal), died]);
      this.expected = false;
      return value;
    } finally {
      stop.abort();
    }
  }

  private end(how: string): string {
    const unexpected = running.delete(this) && !this.expected;
    rmSync(this.options.pidFile, { force: true });
    if (unexpected) this.options.onUnexpectedEnd?.(how);
    return how;
  }
}

/** The last lines of a log, for an error message; says where the rest is. */
export function endOfLog(file: string, lines = 20): string {
  let text = '';
  try {
    text = readFileSync(file, 'utf8').trimEnd();
  } catch {
    return `(${file} cannot be read)`;
  }
  if (text === '') return `(${file} is empty)`;
  const tail = text.split('\n').slice(-lines);
  return [`The end of ${file}:`, ...tail.map((line) => `  ${line}`)].join('\n');
}

/**
 * Ends what an owner that was killed has left running; `pidFiles` is the folder of its pid files. Resolves when
 * they are gone. To be called by the holder of the directory's lock only: to others these are no orphans.
 */
export async function endOrphans(pidFiles: string): Promise<void> {
  mkdirSync(pidFiles, { recursive: true });
  await Promise.all(
    readdirSync(pidFiles).map(async (name) => {
      const file = join(pidFiles, name);
      const orphan = readIdentity(file) as PidFile | undefined;
      if (orphan) await endOrphan(orphan);
      rmSync(file, { force: true });
    }),
  );
}

async function endOrphan(orphan: PidFile): Promise<void> {
  for (const signal of [orphan.killSignal, 'SIGKILL'] as const) {
    if (!isAlive(orphan)) return;
    process.kill(orphan.pid, 'SIGCONT');
    process.kill(orphan.pid, signal);
    const deadline = Date.now() + KILL_WITHIN_MS;
    while (isAlive(orphan) && Date.now() < deadline) await sleep(20);
  }
  if (isAlive(orphan)) throw new Error(`Process ${orphan.pid}, left by an earlier run, cannot be ended.`);
}
