#!/usr/bin/env node
import { exitCodes } from './exit-codes';
import { run } from './run';

// `talaria … | head`: whoever read has seen enough.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') process.exit(exitCodes.done);
});

let interrupted: AbortController | undefined;
const { env, stdin, stdout, stderr } = process;
void run(process.argv.slice(2), { env, stdin, stdout, stderr, interrupt }).then((code) => process.exit(code));

/** The first is for the verb, which tidies up; the second ends the process. */
function interrupt(): AbortSignal {
  if (interrupted === undefined) {
    const controller = (interrupted = new AbortController());
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  }
  return interrupted.signal;
}
