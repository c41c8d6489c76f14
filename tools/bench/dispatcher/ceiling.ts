import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@talaria/contracts';
import { type BenchContext } from '../bench-case';
import { type Clocks, cpuColumns, usedForEach } from '../clocks';
import { goal, type Outcome, ratioOf, type Result, spread } from '../report';
import { untilAccepted } from './accepted';
import { arrivalsOf, countLostAndDoubled } from './arrivals';
import { type Bare, postOf, startBare } from './bare';
import { type BullmqSite, openBullmq } from './bullmq';
import { type Sender, UNLIMITED } from './commands';
import { onSite, type Site } from './site';
import { usageOf, usageText, watchMemory } from './usage';

export const MESSAGES = 40_000;
export const SENDERS = 20;
/** The dispatcher's own default. */
const CONNECTIONS = 512;
const POLL_MS = 20;
const GOAL = 0.5;

export type Run = {
  readonly rate: number;
  readonly used: Clocks;
  /** The most of the dispatcher that was seen. */
  readonly residentMiB?: number;
  readonly lost: number;
  readonly doubled: number;
};

/**
 * Without any limit: the dispatcher, with ledger and events, a bare loop that posts the same to the same stand-in, and a BullMQ worker that does, in
 * turn.
 */
export async function compareWithBare(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const count = options.messages ?? MESSAGES;
  const [talaria, bare, bullmq]: [Run[], Run[], Run[]] = [[], [], []];
  await onSite(context, { limits: false }, async (site) => {
    const loop = startBare();
    site.ground.atClose(() => loop.stop());
    const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: UNLIMITED });
    const queue = await openBullmq(site, senders, undefined);
    for (let number = 1; number <= options.rounds; number++) {
      say(`Round ${number} of ${options.rounds}:`);
      bare.push(await runBare(site, loop, senders, count));
      if (queue) bullmq.push(await runBullmq(site, queue, senders, count));
      talaria.push(await runDispatcher(site, senders, count, { name: 'talaria' }));
    }
  });
  const ratio = ratioOf('talaria', 'bare', talaria.map(rateOf), bare.map(rateOf), { what: 'rate' });
  const toBullmq = ratioOf('talaria', 'bullmq', talaria.map(rateOf), bullmq.map(rateOf), { what: 'rate' });
  return {
    results: [
      resultOf('talaria', talaria),
      { ...resultOf('bare', bare), cpuUs: cpuColumns(bare.map(usedBy)).cpu.app ?? null },
      ...(bullmq.length > 0 ? [resultOf('bullmq', bullmq)] : []),
    ],
    ratios: [ratio, toBullmq].filter((one) => one !== undefined),
    goals: [
      goal('talaria / bare, rate', '>=', GOAL, ratio?.median),
      goal(
        'messages lost or sent twice',
        '=',
        0,
        sum(talaria, ({ lost, doubled }) => lost + doubled),
      ),
    ],
  };
}

async function runBare(site: Site, loop: Bare, senders: readonly Sender[], count: number): Promise<Run> {
  const first = site.take(count);
  const posts = Array.from({ length: count }, (_, place) => {
    const sender = senders[place % senders.length];
    if (sender === undefined) throw new Error('there is nobody to send it');
    return postOf(first + place, sender);
  });
  await site.simulator.reset();
  const posting = loop.post({ url: site.simulator.url, connections: CONNECTIONS, posts });
  const [run] = await Promise.all([
    measure(site, 'bare', () => usageOf(site, loop.pid), first, count),
    posting,
  ]);
  return run;
}

/** The jobs, too, are there before the worker starts. */
async function runBullmq(
  site: Site,
  queue: BullmqSite,
  senders: readonly Sender[],
  count: number,
): Promise<Run> {
  const first = await queue.publish(senders, count);
  await site.simulator.reset();
  const worker = await queue.start();
  const run = await measure(site, 'bullmq', () => queue.usage(worker.pid), first, count);
  await worker.stop();
  return run;
}

/** The messages are there before the dispatcher starts: publishing takes nothing from it. */
export async function runDispatcher(
  site: Site,
  senders: readonly Sender[],
  count: number,
  { name, env }: { readonly name: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Run> {
  const { first } = await site.publisher.publish(senders, count);
  await site.simulator.reset();
  const toldBefore = await countTold(site);
  const dispatcher = await site.startDispatcher(env);
  const memory = watchMemory(dispatcher);
  const run = await measure(site, name, () => usageOf(site, dispatcher.pid), first, count);
  while ((await countTold(site)) < toldBefore + count)
    await sleep(POLL_MS, undefined, { signal: site.ground.signal });
  const residentMiB = memory();
  await dispatcher.stop();
  return { ...run, residentMiB };
}

/** After a quarter of the messages, which is for warming up. */
async function measure(
  site: Site,
  name: string,
  usage: () => Promise<Clocks>,
  first: number,
  count: number,
): Promise<Run> {
  const warm = await untilAccepted(site, count / 4);
  const before = await usage();
  await untilAccepted(site, count);
  const used = usedForEach(before, await usage(), count - warm);
  const arrivals = arrivalsOf(await site.simulator.accepted());
  const [from = NaN, to = NaN] = [arrivals[warm - 1]?.at, arrivals.at(-1)?.at];
  const rate = ((arrivals.length - warm) * 1000) / (to - from);
  site.ground.say(`${name.padEnd(9)} ${Math.round(rate)}/s; ${usageText(used)}`);
  return { rate, used, ...countLostAndDoubled(arrivals, first, count) };
}

/** Events in all partitions. */
async function countTold({ ground: { admin, config } }: Site): Promise<number> {
  const offsets = await admin.fetchTopicOffsets(config.KAFKA_PREFIX + topics.dispatches.name);
  return offsets.reduce((all, { high, low }) => all + Number(high) - Number(low), 0);
}

export function resultOf(name: string, runs: readonly Run[]): Result {
  return {
    name,
    rate: spread(runs.map(rateOf), 0),
    p50Ms: null,
    p99Ms: null,
    ...cpuColumns(runs.map(usedBy)),
    ...(runs.every(({ residentMiB }) => residentMiB !== undefined) && {
      residentMiB: Math.max(...runs.map(({ residentMiB = NaN }) => residentMiB)),
    }),
    lost: sum(runs, ({ lost }) => lost),
    doubled: sum(runs, ({ doubled }) => doubled),
  };
}

export const rateOf = ({ rate }: Run) => rate;
const usedBy = ({ used }: Run) => used;
const sum = (runs: readonly Run[], read: (run: Run) => number) =>
  runs.reduce((all, run) => all + read(run), 0);
