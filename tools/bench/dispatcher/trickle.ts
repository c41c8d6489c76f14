import { setTimeout as sleep } from 'node:timers/promises';
import { type AppProcess } from '../../platform/app-process';
import { openLoop } from '../load/open-loop';
import { usedForEach } from '../clocks';
import { arrivalsOf, delayOf, type Watched } from './arrivals';
import { type Sender } from './commands';
import { type Site } from './site';
import { usageOf } from './usage';

/** What has not arrived so long after the last one was published counts as missing. */
const LATE_MS = 10_000;
const POLL_MS = 500;

/** Each number sends one message a second, whatever else goes on; how long they take. */
export async function trickle(
  site: Site,
  { pid }: AppProcess,
  senders: readonly Sender[],
  seconds: number,
): Promise<Watched> {
  const { simulator, publisher, ground } = site;
  const { accepted: before } = await simulator.stats();
  const clocks = await usageOf(site, pid);
  const publishedAt = new Map<number, number>();
  await openLoop(senders.length, senders.length * seconds, ground.signal, async (place) => {
    const sender = senders[place % senders.length];
    if (sender === undefined) return;
    const { at } = await publisher.publish([sender], 1);
    for (const [index, published] of at) publishedAt.set(index, published);
  });
  const after = await usageOf(site, pid);
  for (const deadline = performance.now() + LATE_MS; ;) {
    const delay = delayOf(arrivalsOf(await simulator.accepted(before)), publishedAt, seconds);
    if (delay.missing === 0 || performance.now() > deadline)
      return { delay, used: usedForEach(clocks, after, publishedAt.size) };
    await sleep(POLL_MS, undefined, { signal: ground.signal });
  }
}
