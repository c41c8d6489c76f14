import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { type BenchContext } from '../bench-case';
import { goal, median, type Outcome, round } from '../report';
import { untilAccepted } from './accepted';
import { arrivalsOf, type Delay, delayOf, delayResult, delayText } from './arrivals';
import { postOf } from './bare';
import { type Sender } from './commands';
import { now } from './publisher';
import { onSite, type Site } from './site';

const SECONDS = 30;
const WARM_UP_S = 3;
const SENDERS = 20;
/** Between two messages; by chance, so that nobody's timers keep step with them. */
const PAUSE_MS = { least: 20, most: 60 };
const GOALS_MS = { p50: 15, p99: 60 };

type Run = { readonly talaria: Delay; readonly bare: Delay };

/** Replies one at a time to a dispatcher that has nothing else to do, and posts straight to the stand-in for Meta, in turn. */
export async function measureLatency(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const runs: Run[] = [];
  await onSite(context, { limits: true }, async (site) => {
    const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: 80 });
    await site.startDispatcher();
    await takeTurns(site, senders, WARM_UP_S);
    for (let number = 1; number <= options.rounds; number++) {
      const run = await takeTurns(site, senders, options.seconds ?? SECONDS);
      runs.push(run);
      say(
        `Round ${number} of ${options.rounds}: talaria ${delayText(run.talaria)}; bare ${delayText(run.bare)}`,
      );
    }
  });
  const more = (quantile: 'p50' | 'p99') =>
    round(median(runs.map(({ talaria, bare }) => talaria[quantile] - bare[quantile])), 1);
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

async function takeTurns(site: Site, senders: readonly Sender[], seconds: number): Promise<Run> {
  await site.simulator.reset();
  const pool = new Pool(site.simulator.url, { connections: 1 });
  const [talaria, bare] = [new Map<number, number>(), new Map<number, number>()];
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
  const arrivals = arrivalsOf(await site.simulator.accepted());
  return { talaria: delayOf(arrivals, talaria, seconds), bare: delayOf(arrivals, bare, seconds) };
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
