import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type LoadAnswer, type LoadRequest } from './main';
import { type LoadPlan, type LoadReport } from './plan';

/** The process that makes load. Its requests carry items that no run before had. */
export type Generator = {
  /** One run at a time. @throws when the process or the benchmark is ended meanwhile */
  run(plan: LoadPlan): Promise<LoadReport>;
  stop(): Promise<void>;
};

/** @param signal ends the process, and with it the run that is under way */
export function startGenerator(appSecret: string, signal: AbortSignal): Generator {
  const child = fork(join(__dirname, 'main.js'), {
    serialization: 'advanced',
    stdio: ['ignore', 2, 2, 'ipc'],
    // Ctrl-C in a terminal is for us to tell it.
    detached: true,
  });
  const ended = once(child, 'exit');
  const kill = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  return {
    async run(plan) {
      signal.throwIfAborted();
      const request: LoadRequest = { plan, appSecret };
      const answered = once(child, 'message') as Promise<[LoadAnswer]>;
      child.send(request);
      const [answer] = await Promise.race([answered, ended.then(() => [{ error: 'it has ended' }] as const)]);
      signal.throwIfAborted();
      if ('error' in answer) throw new Error(`The load generator failed: ${answer.error}`);
      return answer.report;
    },
    async stop() {
      signal.removeEventListener('abort', kill);
      kill();
      await ended;
    },
  };
}
