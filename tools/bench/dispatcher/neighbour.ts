import { type BenchContext } from '../bench-case';
import { goal, median, type Outcome, round } from '../report';
import { delayResult, delayText, type Watched } from './arrivals';
import { onSite, type Site } from './site';
import { trickle } from './trickle';
import { watchMemory } from './usage';

const MESSAGES = 100_000;
export const SECONDS = 30;
export const WARM_UP_S = 3;
export const OTHERS = { count: 20, messagesPerSecond: 80, partition: 0 };
const GOALS = { moreMs: 250, residentMiB: 400 };

/** How long the others' messages took while they were alone, and beside the crowd of one. */
type Run = { readonly alone: Watched; readonly beside: Watched; readonly residentMiB: number };

/** One number gets a campaign that it needs long for, and others send a message now and then; the records of all are in one partition. */
export async function measureNeighbour(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const runs: Run[] = [];
  for (let number = 1; number <= options.rounds; number++) {
    const run = await onSite(context, { limits: true }, crowdOne);
    say(
      `Round ${number} of ${options.rounds}: alone ${delayText(run.alone.delay)}; beside ${delayText(run.beside.delay)}; ${run.residentMiB} MiB`,
    );
    runs.push(run);
  }
  const residentMiB = Math.max(...runs.map((run) => run.residentMiB));
  return {
    results: [
      delayResult(
        'neighbour, alone',
        runs.map(({ alone }) => alone),
      ),
      {
        ...delayResult(
          'neighbour, beside a campaign',
          runs.map(({ beside }) => beside),
        ),
        residentMiB,
      },
    ],
    ratios: [],
    goals: [
      goal("the others' p95 ms beside a campaign, more than alone", '<=', GOALS.moreMs, moreOf(runs)),
      goal('memory of the dispatcher beside a campaign, MiB', '<=', GOALS.residentMiB, residentMiB),
    ],
  };
}

async function crowdOne(site: Site): Promise<Run> {
  const { messages = MESSAGES, seconds = SECONDS } = site.ground.options;
  const crowded = await site.addSenders({ ...OTHERS, count: 1 });
  const others = await site.addSenders(OTHERS);
  const dispatcher = await site.startDispatcher();
  const memory = watchMemory(dispatcher);
  await trickle(site, dispatcher, others, WARM_UP_S);
  const alone = await trickle(site, dispatcher, others, seconds);
  const publisher = await site.openPublisher();
  const [beside] = await Promise.all([
    trickle(site, dispatcher, others, seconds),
    publisher.publish(crowded, messages, { priority: 'campaign' }),
  ]);
  return { alone, beside, residentMiB: memory() };
}

/** How much more the others' p95 is beside something, in the middle of the rounds. */
export function moreOf(runs: readonly Pick<Run, 'alone' | 'beside'>[]): number {
  return round(median(runs.map(({ alone, beside }) => beside.delay.p95 - alone.delay.p95)), 1);
}
