import { type Context } from '../context';

const WIDTH = 30;
const TELL_EVERY_MS = 5000;

/**
 * How far a long work is: a bar that is drawn over itself on a terminal, a line every five seconds elsewhere. Call it with each step; at the end `end` leaves the
 * last state.
 */
export function progressOf(
  { stderr, say }: Pick<Context, 'stderr' | 'say'>,
  total: number,
): { step(done: number): void; end(): void } {
  let toldAt = performance.now();
  let isDrawn = false;
  return {
    step(done) {
      if (stderr.isTTY === true) {
        const filled = Math.round((WIDTH * done) / Math.max(1, total));
        stderr.write(`\r[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${done} of ${total}`);
        isDrawn = true;
      } else if (performance.now() - toldAt >= TELL_EVERY_MS) {
        toldAt = performance.now();
        say(`${done} of ${total}`);
      }
    },
    end() {
      if (isDrawn) stderr.write('\n');
    },
  };
}
