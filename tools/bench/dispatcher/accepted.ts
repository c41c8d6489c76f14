import { setTimeout as sleep } from 'node:timers/promises';
import { type Site } from './site';

const POLL_MS = 50;
const STALLED_MS = 60_000;

/**
 * Waits until Meta's stand-in has accepted so many since it was reset.
 * @returns how many they are by then
 * @throws when it does not go on
 */
export async function untilAccepted({ simulator, ground: { signal } }: Site, count: number): Promise<number> {
  let seen = -1;
  let since = performance.now();
  for (;;) {
    const { accepted } = await simulator.stats();
    if (accepted >= count) return accepted;
    if (accepted > seen) [seen, since] = [accepted, performance.now()];
    if (performance.now() - since > STALLED_MS)
      throw new Error(`${accepted} of ${count} messages were accepted, and it does not go on`);
    await sleep(POLL_MS, undefined, { signal });
  }
}
