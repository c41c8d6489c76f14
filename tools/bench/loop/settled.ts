import { setTimeout as sleep } from 'node:timers/promises';
import { countProjected, type Site } from './site';
import { STAGES } from './replies';

const POLL_MS = 100;
const SAY_MS = 5000;
const STALLED_MS = 60_000;

/**
 * Waits until so many messages, since the beginning, are received, answered and projected, and all that became of the answers.
 * @throws when it does not go on
 */
export async function untilSettled(site: Site, messages: number): Promise<void> {
  const { context, platform, client } = site;
  const items = messages * (1 + STAGES.length);
  let [seen, since, saidAt] = ['', performance.now(), performance.now()];
  for (;;) {
    const { accepted, webhooks } = await platform.simulator.stats();
    const isTold = accepted >= messages && webhooks.acknowledgedItems >= items && webhooks.waiting === 0;
    // What is asked of Postgres meanwhile is one row for each partition.
    const projected = await countProjected(client);
    if (isTold && projected.webhooks >= items && projected.dispatches >= messages) return;
    const now = performance.now();
    const progress =
      `${webhooks.acknowledgedItems} of ${items} items acknowledged, ${projected.webhooks} projected; ` +
      `${accepted} of ${messages} replies accepted, ${projected.dispatches} events of them projected`;
    if (progress !== seen) [seen, since] = [progress, now];
    if (now - since > STALLED_MS) throw new Error(`it does not go on: ${progress}`);
    if (now - saidAt > SAY_MS) {
      context.say(progress);
      saidAt = now;
    }
    await sleep(POLL_MS, undefined, { signal: context.signal });
  }
}
