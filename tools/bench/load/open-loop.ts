import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `act` so often a second, on a schedule that does not wait for it. Resolves when all calls are through. */
export async function openLoop(
  perSecond: number,
  count: number,
  signal: AbortSignal,
  act: (place: number) => Promise<void>,
): Promise<void> {
  const startsAt = performance.now();
  const acts: Promise<void>[] = [];
  while (acts.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - startsAt) * perSecond) / 1000));
    while (acts.length < due) acts.push(act(acts.length));
    await sleep(1, undefined, { signal });
  }
  await Promise.all(acts);
}
