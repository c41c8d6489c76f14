import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { type BenchContext } from '../bench-case';
import { usedForEach } from '../clocks';
import { cpuMsOf } from '../cpu-time';
import { goal, median, type Outcome, round } from '../report';
import { untilAccepted } from './accepted';
import { arrivalsOf, delayOf, delayResult, delayText, type Watched } from './arrivals';
import { postOf } from './bare';
import { type Sender } from './commands';
import { now } from './publisher';
import { onSite, type Site } from './site';
import { usageOf } from './usage';

const SECONDS = 30;
const WARM_UP_S = 3;
const SENDERS = 20;
/** Between two messages; by chance, so that nobody's timers keep step with them. */
const PAUSE_MS = { least: 20, most: 60 };
const GOALS_MS = { p50: 15, p99: 60 };

type Run = { readonly talaria: Watched; readonly bare: Watched };

/** Replies one at a time to a dispatcher that has nothing else to do, and posts straight to the stand-in for Meta, in turn. */
export async function measureLatency(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const runs: Run[] = [];
  await onSite(context, { limits: true }, async (site) => {
    const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: 80 });
    const { pid } = await site.startDispatcher();
    await takeTurns(site, pid, senders, WARM_UP_S);
    for (let number = 1; number <= options.rounds; number++) {
      const run = await takeTurns(site, pid, senders, options.seconds ?? SECONDS);
      runs.push(run);
      say(
        `Round ${number} of ${options.rounds}: talaria ${delayText(run.talaria.delay)}; bare ${delayText(run.bare.delay)}`,
      );
    }
  });
  const more = (quantile: 'p50' | 'p99') =>
    round(median(runs.map(({ talaria, bare }) => talaria.delay[quantile] - bare.delay[quantile])), 1);
  return {
    results: [
      delayResult(
        'idle, talaria',
        runs.map(({ talaria }) => talaria),
      ),
      delayResult(
        'idle, bare',
        runs.map(({ bare }) => bare),
      ),
    ],
    ratios: [],
    goals: [
      goal('publish → accepted while idle, p50 ms more than bare', '<=', GOALS_MS.p50, more('p50')),
      goal('publish → accepted while idle, p99 ms more than bare', '<=', GOALS_MS.p99, more('p99')),
    ],
  };
}

async function takeTurns(
  site: Site,
  pid: number | undefined,
  senders: readonly Sender[],
  seconds: number,
): Promise<Run> {
  await site.simulator.reset();
  const pool = new Pool(site.simulator.url, { connections: 1 });
  const [talaria, bare] = [new Map<number, number>(), new Map<number, number>()];
  const clocks = async () => ({ ...(await usageOf(site, pid)), generator: cpuMsOf([process.pid]) });
  const before = await clocks();
  const end = performance.now() + seconds * 1000;
  for (let turn = 0; performance.now() < end; turn++) {
    const sender = senders[turn % senders.length];
    if (sender === undefined) throw new Error('there is nobody to send it');
    const { at } = await site.publisher.publish([sender], 1, { priority: 'reply' });
    for (const [index, published] of at) talaria.set(index, published);
    await pauseByChance(site);
    const index = site.take(1);
    bare.set(index, now());
    await post(pool, index, sender);
    await pauseByChance(site);
  }
  await pool.destroy();
  await untilAccepted(site, talaria.size + bare.size);
  const after = await clocks();
  const arrivals = arrivalsOf(await site.simulator.accepted());
  const used = usedForEach(before, after, talaria.size);
  return {
    talaria: { delay: delayOf(arrivals, talaria, seconds), used },
    // The benchmark posts them, beside what it publishes.
    bare: { delay: delayOf(arrivals, bare, seconds), used: { generator: used.generator } },
  };
}

async function post(pool: Pool, index: number, sender: Sender): Promise<void> {
  const { path, token, body } = postOf(index, sender);
  const answer = await pool.request({
    method: 'POST',
    path,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`the stand-in for Meta answered ${answer.statusCode}`);
}

async function pauseByChance({ ground: { signal } }: Site): Promise<void> {
  const { least, most } = PAUSE_MS;
  await sleep(least + Math.random() * (most - least), undefined, { signal });
}
