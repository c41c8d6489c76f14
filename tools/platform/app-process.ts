import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../stack/child';

export type AppOptions = {
  readonly name: string;
  /** The built program. */
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where it answers /health/ready unless its `METRICS_PORT` is set. */
  readonly httpPort: number;
  readonly logDirectory: string;
  readonly pidDirectory: string;
  /** Called when it ends, after it was ready, though nobody asked it to. */
  readonly onUnexpectedEnd?: (name: string, how: string) => void;
};

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 12_000;

/** One of our programs as a process of its own, that can be ended in any way and started again. */
export class AppProcess {
  private child: Child | undefined;

  constructor(readonly options: AppOptions) {}

  get name(): string {
    return this.options.name;
  }

  get url(): string {
    return `http://127.0.0.1:${this.options.httpPort}`;
  }

  /** Below it `startup`, `live` and `ready`. */
  get healthUrl(): string {
    const { env, httpPort } = this.options;
    return `http://127.0.0.1:${Number(env.METRICS_PORT) || httpPort}/health`;
  }

  /** Undefined before it was started. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  get logFile(): string {
    return join(this.options.logDirectory, `${this.name}.log`);
  }

  /** Resolves when it says that it is ready; rejects with the end of its log when it ends before. */
  async start(): Promise<void> {
    const { name, script, env, pidDirectory } = this.options;
    const child = new Child({
      name,
      command: process.execPath,
      args: ['--enable-source-maps', `--max-semi-space-size=${youngMiB(name)}`, script],
      cwd: process.cwd(),
      env,
      log: this.logFile,
      pidFile: join(pidDirectory, `${name}-${this.options.httpPort}`),
      stopSignal: 'SIGTERM',
      killSignal: 'SIGKILL',
      onUnexpectedEnd: (how) => this.options.onUnexpectedEnd?.(name, how),
    });
    this.child = child;
    await child.until((signal) => this.untilReady(signal));
  }

  /** SIGTERM. @returns how it ended, like "exit code 0" */
  async stop(): Promise<string> {
    await this.child?.stop(STOP_WITHIN_MS);
    return (await this.child?.ended) ?? 'never started';
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.child?.kill();
  }

  private async untilReady(signal: AbortSignal): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!signal.aborted) {
      const isReady = await fetch(`${this.healthUrl}/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isReady) return;
      if (Date.now() > deadline)
        throw new Error(`${this.name} is not ready after ${READY_WITHIN_MS} ms; see ${this.logFile}`);
      await sleep(50);
    }
  }
}

/**
 * A young generation larger than Node's: what a webhook leaves behind dies before it is copied. The processor holds whole batches, and the
 * dispatcher commands that wait: more of it would only hold more of them.
 */
function youngMiB(name: string): number {
  return /processor|dispatcher/.test(name) ? 32 : 64;
}
