import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchContext } from '../bench-case';
import { type Accepted } from '../../platform/simulator';
import { goal, type Outcome, round } from '../report';
import { untilAccepted } from './accepted';
import {
  arrivalsOf,
  countLostAndDoubled,
  countOvertaken,
  delayResult,
  delayText,
  type Watched,
} from './arrivals';
import { type Sender, UNLIMITED } from './commands';
import { moreOf, OTHERS, SECONDS, WARM_UP_S } from './neighbour';
import { onSite, setRate, type Site } from './site';
import { trickle } from './trickle';

const MESSAGES = 50_000;
/** The throttled account has fewer: it sends some of them meanwhile. */
const FEWER = 10;
/** To one person: below what Meta lets go at once, 45. */
const EACH = 40;
const GOALS = { moreMs: 250, throttled: 1 };
/** How soon the registry's changes are kept to, with some to spare. */
const REGISTRY_MS = 2000;

type Run = {
  readonly alone: Watched;
  readonly beside: Watched;
  /** A second, of the throttled account. */
  readonly throttled: number;
  readonly wrong: { readonly lost: number; readonly doubled: number; readonly overtaken: number };
};

/** One account is paused in the registry with much waiting, one is throttled; others send a message now and then. Then both are let go. */
export async function measurePaused(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const runs: Run[] = [];
  for (let number = 1; number <= options.rounds; number++) {
    const run = await onSite(context, { limits: true }, holdTwo);
    const { alone, beside, throttled, wrong } = run;
    say(
      `Round ${number} of ${options.rounds}: alone ${delayText(alone.delay)}; beside ${delayText(beside.delay)}; throttled to ${throttled}/s; drained with ${JSON.stringify(wrong)}`,
    );
    runs.push(run);
  }
  const wrong = (what: keyof Run['wrong']) => runs.reduce((sum, run) => sum + run.wrong[what], 0);
  const throttled = Math.max(...runs.map((run) => run.throttled));
  return {
    results: [
      delayResult(
        'paused, alone',
        runs.map(({ alone }) => alone),
      ),
      {
        ...delayResult(
          'paused, beside two held accounts',
          runs.map(({ beside }) => beside),
        ),
        throttled,
      },
    ],
    ratios: [],
    goals: [
      goal(
        "the others' p95 ms beside a paused and a throttled account, more than alone",
        '<=',
        GOALS.moreMs,
        moreOf(runs),
      ),
      goal('a second, of the throttled account', '<=', GOALS.throttled, throttled),
      goal('drained: overtaken', '=', 0, wrong('overtaken')),
      goal('drained: lost or sent twice', '=', 0, wrong('lost') + wrong('doubled')),
    ],
  };
}

async function holdTwo(site: Site): Promise<Run> {
  const { ground, simulator } = site;
  const { messages = MESSAGES, seconds = SECONDS } = ground.options;
  const [paused, throttled] = [await one(site), await one(site)];
  const others = await site.addSenders(OTHERS);
  const dispatcher = await site.startDispatcher();
  await trickle(site, dispatcher, others, WARM_UP_S);
  const alone = await trickle(site, dispatcher, others, seconds);

  const { accepted: before } = await simulator.stats();
  await pause(site, paused);
  await throttle(site, throttled, 1);
  const publisher = await site.openPublisher();
  const publish = (senders: readonly Sender[], count: number) =>
    publisher.publish(senders, count, { persons: Math.ceil(count / EACH) });
  const [beside] = await Promise.all([
    trickle(site, dispatcher, others, seconds),
    publish(paused, messages),
    publish(throttled, Math.ceil(messages / FEWER)),
  ]);
  const meanwhile = await simulator.accepted(before);
  const isThrottled = ({ phoneNumberId }: Accepted) => phoneNumberId === throttled[0]?.phoneNumberId;

  await letGo(site, [...paused, ...throttled]);
  const all = site.take(0);
  await untilAccepted(site, all);
  const arrivals = arrivalsOf(await simulator.accepted());
  const wrong = { ...countLostAndDoubled(arrivals, 0, all), overtaken: countOvertaken(arrivals) };
  return { alone, beside, throttled: perSecond(meanwhile.filter(isThrottled)), wrong };
}

const one = (site: Site) => site.addSenders({ ...OTHERS, count: 1 });

async function pause({ database }: Site, senders: readonly Sender[]): Promise<void> {
  const wabas = senders.map(({ wabaId }) => wabaId);
  await database.client.query(`UPDATE wabas SET paused_until = 'infinity' WHERE waba_id = ANY ($1)`, [wabas]);
}

async function throttle({ database, ground }: Site, senders: readonly Sender[], rate: number): Promise<void> {
  const wabas = senders.map(({ wabaId }) => wabaId);
  await database.client.query('UPDATE wabas SET messages_per_second = $2 WHERE waba_id = ANY ($1)', [
    wabas,
    rate,
  ]);
  await sleep(REGISTRY_MS, undefined, { signal: ground.signal });
}

/** From now on nothing holds them any more. */
async function letGo(site: Site, senders: readonly Sender[]): Promise<void> {
  await site.simulator.putSettings({ limits: false });
  await setRate(site, senders, UNLIMITED);
  await site.database.client.query('UPDATE wabas SET messages_per_second = NULL, paused_until = NULL');
}

function perSecond(accepted: readonly Accepted[]): number {
  const [first = NaN, last = NaN] = [accepted[0]?.at, accepted.at(-1)?.at];
  return round(((accepted.length - 1) * 1000) / (last - first), 2);
}
