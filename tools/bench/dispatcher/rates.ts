import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchContext } from '../bench-case';
import { type Clocks, cpuColumns, usedForEach } from '../clocks';
import { goal, joinOutcomes, noOutcome, type Outcome, round, spread } from '../report';
import { arrivalsOf, countByNumber } from './arrivals';
import { openBullmq } from './bullmq';
import { type Sender, type SendersAsked } from './commands';
import { now } from './publisher';
import { onSite, type Site } from './site';
import { usageOf, usageText } from './usage';

const SECONDS = 30;
const WARM_UP_S = 3;
/** There is still work for all when the measured time is over. */
const SPARE_S = 10;
const GOAL = 0.97;
/** The dispatcher takes so much of what a number may, inbound messages aside. */
const SHARE = 0.9;

type Crowd = SendersAsked & {
  readonly name: string;
  /** Whether BullMQ is measured with it, too: with a queue, a worker and its connections for each number, a thousand are no fair comparison. */
  readonly hasBullmq?: true;
};

const crowds: readonly Crowd[] = [
  { name: '20 numbers, 80/s each', count: 20, messagesPerSecond: 80, hasBullmq: true },
  { name: '1 number, 1000/s', count: 1, messagesPerSecond: 1000 },
  { name: '1000 numbers, 1/s each', count: 1000, perWaba: 10, messagesPerSecond: 1 },
];

type Run = {
  readonly rate: number;
  /** What the number with the least sent, of what it may. */
  readonly least: number;
  readonly used: Clocks;
  readonly refused: number;
  /** Of any number in any second. */
  readonly most: number;
};

/** A sender that runs, whatever it is. */
type Sending = { usage(): Promise<Clocks>; publish(count: number): Promise<unknown> };
type Start = (site: Site, senders: readonly Sender[], crowd: Crowd) => Promise<Sending | undefined>;

const startTalaria: Start = async (site, senders) => {
  const { pid } = await site.startDispatcher();
  return { usage: () => usageOf(site, pid), publish: (count) => site.publisher.publish(senders, count) };
};

const startBullmq: Start = async (site, senders, { messagesPerSecond }) => {
  const queue = await openBullmq(site, senders, { perSecond: messagesPerSecond * SHARE });
  if (!queue) return undefined;
  const { pid } = await queue.start();
  return { usage: () => queue.usage(pid), publish: (count) => queue.publish(senders, count) };
};

/** Work for every number, and Meta's limits in force: how much of what is permitted is sent, and whether ever too much. */
export async function measureRates(context: BenchContext): Promise<Outcome> {
  let outcome = noOutcome;
  for (const crowd of crowds) {
    const [talaria, bullmq]: [Run[], Run[]] = [[], []];
    for (let number = 1; number <= context.options.rounds; number++) {
      const send = async (runs: Run[], name: string, start: Start) => {
        const run = await onSite(context, { limits: true }, (site) => sendAll(site, crowd, start));
        if (run === undefined) return;
        context.say(`${name}, round ${number} of ${context.options.rounds}: ${lineOf(run)}`);
        runs.push(run);
      };
      await send(talaria, crowd.name, startTalaria);
      if (crowd.hasBullmq) await send(bullmq, `bullmq, ${crowd.name}`, startBullmq);
    }
    outcome = joinOutcomes(outcome, outcomeOf(crowd, talaria));
    // What it reaches is no goal of ours.
    if (bullmq.length > 0) {
      const told = outcomeOf({ ...crowd, name: `bullmq, ${crowd.name}` }, bullmq);
      outcome = joinOutcomes(outcome, { ...told, goals: [] });
    }
  }
  return outcome;
}

async function sendAll(site: Site, crowd: Crowd, start: Start): Promise<Run | undefined> {
  const { ground, simulator } = site;
  const seconds = ground.options.seconds ?? SECONDS;
  const senders = await site.addSenders(crowd);
  const sending = await start(site, senders, crowd);
  if (sending === undefined) return undefined;
  await sending.publish(Math.ceil(permitted(crowd) * (WARM_UP_S + seconds + SPARE_S)));
  await sleep(WARM_UP_S * 1000, undefined, { signal: ground.signal });
  const [before, from] = [await sending.usage(), now()];
  await sleep(seconds * 1000, undefined, { signal: ground.signal });
  const [after, to] = [await sending.usage(), now()];
  const { refused, maxPerSecond } = await simulator.stats();
  const counts = countByNumber(arrivalsOf(await simulator.accepted()), from, to);
  const each = senders.map(({ phoneNumberId }) => counts.get(phoneNumberId) ?? 0);
  const sent = each.reduce((sum, count) => sum + count, 0);
  return {
    rate: (sent * 1000) / (to - from),
    least: (Math.min(...each) * 1000) / (to - from) / (crowd.messagesPerSecond * SHARE),
    used: usedForEach(before, after, sent),
    refused: refused['130429'] ?? 0,
    most: Math.max(...Object.values(maxPerSecond).map(({ sends }) => sends)),
  };
}

const permitted = ({ count, messagesPerSecond }: SendersAsked) => count * messagesPerSecond * SHARE;

function outcomeOf(crowd: (typeof crowds)[number], runs: readonly Run[]): Outcome {
  const { name } = crowd;
  const of = `permitted (${SHARE * 100} %)`;
  const ratio = {
    of: name,
    to: of,
    what: 'rate',
    ...spread(runs.map(({ rate }) => rate / permitted(crowd))),
  };
  const refused = runs.reduce((sum, run) => sum + run.refused, 0);
  return {
    results: [
      {
        name,
        rate: spread(
          runs.map(({ rate }) => rate),
          1,
        ),
        p50Ms: null,
        p99Ms: null,
        ...cpuColumns(runs.map(({ used }) => used)),
        permitted: round(permitted(crowd), 1),
        refused,
        leastOfItsShare: spread(runs.map(({ least }) => least)),
        mostOfANumberInASecond: Math.max(...runs.map(({ most }) => most)),
      },
    ],
    ratios: [ratio],
    goals: [
      goal(`${name}: sent / permitted`, '>=', GOAL, ratio.median),
      goal(`${name}: answers 130429`, '=', 0, refused),
    ],
  };
}

function lineOf({ rate, least, refused, most, used }: Run): string {
  return `${round(rate, 1)}/s, least ${round(least, 2)} of its share, ${refused} refused, at most ${most} of a number in a second; ${usageText(used)}`;
}
