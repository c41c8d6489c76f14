import { setTimeout as pause } from 'node:timers/promises';

/** Waits until `look` finds something, and fails with what was awaited when that takes too long. */
export async function until<T>(
  awaited: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + 4000;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await pause(5);
  }
  throw new Error(`waited in vain for ${awaited}`);
}
