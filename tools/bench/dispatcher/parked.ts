import { setTimeout as sleep } from 'node:timers/promises';
import { type AppProcess } from '../../platform/app-process';
import { type BenchContext } from '../bench-case';
import { cpuMsOf } from '../cpu-time';
import { goal, median, type Outcome, type Result, round, spread } from '../report';
import { arrivalsOf, countBetween } from './arrivals';
import { now } from './publisher';
import { onSite, setRate, type Site } from './site';
import { type Usage, usageColumns, usageOf, usageText, usedForEach, watchMemory } from './usage';

const MESSAGES = 1_000_000;
const SECONDS = 20;
const WARM_UP_S = 5;
/** What the registry says while it is measured; the dispatcher takes 90 % of it: 500 a second. */
const RATE = 556;
const SHARE = 0.9;
const QUIET = { lookMs: 2000, cpuMs: 200 };
const GOAL = 1.3;

type Run = { readonly rate: number; readonly used: Usage; readonly residentMiB: number };

/** What a message costs at a steady rate while few, many, or very many wait behind it in the same lane. */
export async function measureParked(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const most = options.messages ?? MESSAGES;
  const depths = [most / 1000, most / 10, most].map((depth) => ({
    depth: Math.ceil(depth),
    runs: [] as Run[],
  }));
  for (let number = 1; number <= options.rounds; number++) {
    for (const { depth, runs } of depths) {
      const run = await onSite(context, { limits: false }, (site) => dispatchSome(site, depth));
      say(`${depth} parked, round ${number} of ${options.rounds}: ${lineOf(run)}`);
      runs.push(run);
    }
  }
  /** The dearest depth divided by the cheapest. */
  const apart = (name: 'app' | 'sql') => {
    const costs = depths.map(({ runs }) => median(runs.map(({ used }) => used[name] ?? NaN)));
    return round(Math.max(...costs) / Math.min(...costs), 2);
  };
  return {
    results: depths.map(({ depth, runs }) => resultOf(`${depth} parked`, runs)),
    ratios: [],
    goals: [
      goal('CPU of the dispatcher for a message, dearest depth / cheapest', '<=', GOAL, apart('app')),
      goal('SQL time for a message, dearest depth / cheapest', '<=', GOAL, apart('sql')),
    ],
  };
}

/** @param depth how many still wait when the measured time is over */
async function dispatchSome(site: Site, depth: number): Promise<Run> {
  const { ground, simulator, publisher } = site;
  const { seconds = SECONDS } = ground.options;
  const senders = await site.addSenders({ count: 1, messagesPerSecond: 1 });
  const dispatcher = await site.startDispatcher();
  const memory = watchMemory(dispatcher);
  await publisher.publish(senders, depth + Math.ceil(RATE * SHARE * (WARM_UP_S + seconds)));
  await untilQuiet(site, dispatcher);
  await setRate(site, senders, RATE);
  await sleep(WARM_UP_S * 1000, undefined, { signal: ground.signal });
  const [before, from] = [await usageOf(site, dispatcher.pid), now()];
  await sleep(seconds * 1000, undefined, { signal: ground.signal });
  const [after, to] = [await usageOf(site, dispatcher.pid), now()];
  const sent = countBetween(arrivalsOf(await simulator.accepted()), from, to);
  return {
    rate: (sent * 1000) / (to - from),
    used: usedForEach(before, after, sent),
    residentMiB: memory(),
  };
}

/** Waits until the dispatcher has taken in what it takes in. */
async function untilQuiet({ ground: { signal } }: Site, { pid = 0 }: AppProcess): Promise<void> {
  for (let before = -Infinity; ;) {
    const used = cpuMsOf([pid]) ?? 0;
    if (used - before < QUIET.cpuMs) return;
    before = used;
    await sleep(QUIET.lookMs, undefined, { signal });
  }
}

function resultOf(name: string, runs: readonly Run[]): Result {
  return {
    name,
    rate: spread(
      runs.map(({ rate }) => rate),
      1,
    ),
    p50Ms: null,
    p99Ms: null,
    ...usageColumns(runs.map(({ used }) => used)),
    appUs: spread(
      runs.map(({ used }) => used.app ?? NaN),
      1,
    ),
    sqlUs: spread(
      runs.map(({ used }) => used.sql ?? NaN),
      1,
    ),
    residentMiB: Math.max(...runs.map(({ residentMiB }) => residentMiB)),
  };
}

function lineOf({ rate, used, residentMiB }: Run): string {
  return `${round(rate, 1)}/s; ${usageText(used)}; ${residentMiB} MiB`;
}
