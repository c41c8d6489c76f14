import { setTimeout as sleep } from 'node:timers/promises';
import { type AppProcess } from '../../platform/app-process';
import { type BenchContext } from '../bench-case';
import { cpuColumns, usedForEach } from '../clocks';
import { cpuMsOf } from '../cpu-time';
import { goal, median, type Outcome, type Result, round, spread } from '../report';
import { untilAccepted } from './accepted';
import { now } from './publisher';
import { onSite, setRate, type Site } from './site';
import { type Usage, usageOf, usageText, watchMemory } from './usage';

const MESSAGES = 1_000_000;
const LANES = 10;
/** Together more than is sent: a dispatcher that is never idle has statements and requests of an even size, whatever else the machine does. */
const RATE = 1000;
const WARM_UP = 10_000;
const MEASURED = 20_000;
const QUIET = { lookMs: 2000, cpuMs: 200 };
const GOAL = 1.3;

type Run = { readonly rate: number; readonly used: Usage; readonly residentMiB: number };

/** What a message costs while few, many, or very many wait behind it in its lane. */
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

/** @param depth how many still wait when the measured ones are sent */
async function dispatchSome(site: Site, depth: number): Promise<Run> {
  const senders = await site.addSenders({ count: LANES, messagesPerSecond: 1 });
  const dispatcher = await site.startDispatcher();
  const memory = watchMemory(dispatcher);
  await site.publisher.publish(senders, depth + WARM_UP + MEASURED);
  await untilQuiet(site, dispatcher);
  await setRate(site, senders, RATE);
  const warm = await untilAccepted(site, WARM_UP);
  const [before, from] = [await usageOf(site, dispatcher.pid), now()];
  const end = await untilAccepted(site, warm + MEASURED);
  const [after, to] = [await usageOf(site, dispatcher.pid), now()];
  return {
    rate: ((end - warm) * 1000) / (to - from),
    used: usedForEach(before, after, end - warm),
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
    ...cpuColumns(runs.map(({ used }) => used)),
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
