import { type Context } from '../context';

/** How far long work is. */
export type Progress = {
  at(done: number, total: number): void;
  /** The work is over, or has ended: whatever is written next begins on a line of its own. */
  end(): void;
};

const TELL_EVERY_MS = { terminal: 100, elsewhere: 5000 };
const CLEAR_LINE = '\r\u001b[2K';

/**
 * On standard error: a bar where that is a terminal, elsewhere a line every five seconds.
 * @param from so much was done before
 */
export function startProgress({ stderr, say }: Context, unit: string, from = 0): Progress {
  const begunAt = performance.now();
  const isTerminal = stderr.isTTY === true;
  let toldAt = begunAt;
  let isShown = false;
  return {
    at(done, total) {
      const now = performance.now();
      if (now - toldAt < TELL_EVERY_MS[isTerminal ? 'terminal' : 'elsewhere']) return;
      toldAt = now;
      const text = progressText({ from, done, total, unit }, now - begunAt);
      if (!isTerminal) {
        say(text);
        return;
      }
      isShown = true;
      stderr.write(`${CLEAR_LINE}${barOf(done, total)} ${text}`);
    },
    end() {
      if (isShown) stderr.write(CLEAR_LINE);
    },
  };
}

export function progressText(
  {
    from,
    done,
    total,
    unit,
  }: { readonly from: number; readonly done: number; readonly total: number; readonly unit: string },
  elapsedMs: number,
): string {
  const perSecond = ((done - from) * 1000) / Math.max(1, elapsedMs);
  const left = perSecond === 0 ? '' : `, about ${Math.ceil((total - done) / perSecond)} s left`;
  return `${done} of ${total} ${unit}, ${Math.round(perSecond)} a second${left}`;
}

const WIDTH = 24;

export function barOf(done: number, total: number): string {
  const filled = Math.round((Math.min(done, total) * WIDTH) / Math.max(1, total));
  return `[${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}]`;
}
