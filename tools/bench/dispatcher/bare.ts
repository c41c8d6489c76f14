import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { buildRequest } from '../../../apps/dispatcher/src/dispatch/build-request';
import { commandOf, type Sender } from './commands';

export type BareRequest = {
  readonly url: string;
  readonly connections: number;
  readonly posts: readonly Post[];
};
export type BareAnswer = { readonly error?: string };

export type Post = { readonly path: string; readonly token: string; readonly body: string };

/** What the dispatcher posts for the command with this number. */
export function postOf(index: number, sender: Sender): Post {
  return {
    path: `/v24.0/${sender.phoneNumberId}/messages`,
    token: sender.accessToken,
    body: JSON.stringify(buildRequest(commandOf(index, sender, index, 'notification'), 1)),
  };
}

/** A loop over undici in a process of its own, with the young generation that our programs have: what Node can post at best. */
export type Bare = {
  readonly pid: number;
  /** Resolves when all are answered. @throws when one is not answered 200 */
  post(request: BareRequest): Promise<void>;
  stop(): Promise<void>;
};

export function startBare(): Bare {
  const child = fork(join(__dirname, 'bare-main.js'), {
    serialization: 'advanced',
    stdio: ['ignore', 2, 2, 'ipc'],
    execArgv: ['--max-semi-space-size=64'],
    // Ctrl-C in a terminal is for us to tell it.
    detached: true,
  });
  const ended = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async post(request) {
      const answered = once(child, 'message') as Promise<[BareAnswer]>;
      child.send(request);
      const [{ error }] = await Promise.race([
        answered,
        ended.then(() => [{ error: 'it has ended' }] as const),
      ]);
      if (error !== undefined) throw new Error(`The bare loop failed: ${error}`);
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
