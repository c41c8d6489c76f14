import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@talaria/contracts';
import { type BenchContext } from '../bench-case';
import { goal, type Outcome, ratioOf, type Result, spread } from '../report';
import { untilAccepted } from './accepted';
import { arrivalsOf, countLostAndDoubled } from './arrivals';
import { type Bare, postOf, startBare } from './bare';
import { type Sender, UNLIMITED } from './commands';
import { onSite, type Site } from './site';
import { type Usage, usageColumns, usageOf, usageText, usedForEach } from './usage';

export const MESSAGES = 40_000;
export const SENDERS = 20;
/** The dispatcher's own default. */
const CONNECTIONS = 512;
const POLL_MS = 20;
const GOAL = 0.5;

export type Run = {
  readonly rate: number;
  readonly used: Usage;
  readonly lost: number;
  readonly doubled: number;
};

/** Without any limit: the dispatcher, with ledger and events, and a bare loop that posts the same to the same stand-in, in turn. */
export async function compareWithBare(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const count = options.messages ?? MESSAGES;
  const [talaria, bare]: [Run[], Run[]] = [[], []];
  await onSite(context, { limits: false }, async (site) => {
    const loop = startBare();
    site.ground.atClose(() => loop.stop());
    const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: UNLIMITED });
    for (let number = 1; number <= options.rounds; number++) {
      say(`Round ${number} of ${options.rounds}:`);
      bare.push(await runBare(site, loop, senders, count));
      talaria.push(await runDispatcher(site, senders, count, { name: 'talaria' }));
    }
  });
  const ratio = ratioOf('talaria', 'bare', talaria.map(rateOf), bare.map(rateOf), { what: 'rate' });
  return {
    results: [
      resultOf('talaria', talaria),
      { ...resultOf('bare', bare), cpuUs: usageColumns(bare.map(usedBy)).cpu.app },
    ],
    ratios: ratio ? [ratio] : [],
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
  const [run] = await Promise.all([measure(site, 'bare', loop.pid, first, count), posting]);
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
  const run = await measure(site, name, dispatcher.pid, first, count);
  while ((await countTold(site)) < toldBefore + count)
    await sleep(POLL_MS, undefined, { signal: site.ground.signal });
  await dispatcher.stop();
  return run;
}

/** After a quarter of the messages, which is for warming up. */
async function measure(
  site: Site,
  name: string,
  pid: number | undefined,
  first: number,
  count: number,
): Promise<Run> {
  const warm = await untilAccepted(site, count / 4);
  const before = await usageOf(site, pid);
  await untilAccepted(site, count);
  const used = usedForEach(before, await usageOf(site, pid), count - warm);
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
    ...usageColumns(runs.map(usedBy)),
    lost: sum(runs, ({ lost }) => lost),
    doubled: sum(runs, ({ doubled }) => doubled),
  };
}

export const rateOf = ({ rate }: Run) => rate;
const usedBy = ({ used }: Run) => used;
const sum = (runs: readonly Run[], read: (run: Run) => number) =>
  runs.reduce((all, run) => all + read(run), 0);
