import { setTimeout as sleep } from 'node:timers/promises';
import { type AppProcess } from '../../platform/app-process';
import { type BenchContext } from '../bench-case';
import { type Clocks, cpuColumns, usedForEach } from '../clocks';
import { goal, type Outcome, type Result, spread } from '../report';
import { untilAccepted } from './accepted';
import { arrivalsOf, countLostAndDoubled } from './arrivals';
import { type BullmqSite, openBullmq } from './bullmq';
import { SENDERS } from './ceiling';
import { type Sender, UNLIMITED } from './commands';
import { onSite, type Site } from './site';
import { usageOf, usageText } from './usage';

const MESSAGES = 10_000;
const POLL_MS = 250;
const STALLED_MS = 120_000;
/** Nobody tells statuses here, so that what was under way stays undecided; it need not wait for long. */
const soon = { UNKNOWN_WAIT: '5s', UNKNOWN_CHECK_INTERVAL: '1s' };

type Run = {
  /** From the start of the first process until there is nothing left to do. */
  readonly seconds: number;
  readonly messages: number;
  readonly used: Clocks;
  readonly doubled: number;
  /** Not sent, and nobody is told. */
  readonly lost: number;
  /** A person is told of them: a dead letter of unknown outcome, or a job that has failed. */
  readonly undecided: number;
};

/** A sender, whatever it is. */
type Sending = {
  start(): Promise<AppProcess>;
  usage(pid: number | undefined): Promise<Clocks>;
  /** How many messages are decided, one way or another. */
  countDecided(): Promise<number>;
  /** Those that a person is told of. */
  countUndecided(): Promise<number>;
};

/** kill -9 in the middle, and at once a new process: what is sent twice, and what is lost. */
export async function compareKilled(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const count = options.messages ?? MESSAGES;
  const [talaria, bullmq]: [Run[], Run[]] = [[], []];
  for (let number = 1; number <= options.rounds; number++) {
    say(`Round ${number} of ${options.rounds}:`);
    await onSite(context, { limits: false }, async (site) => {
      const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: UNLIMITED });
      const { first } = await site.publisher.publish(senders, count);
      talaria.push(await killInTheMiddle(site, 'talaria', sendingByTalaria(site), first, count));
      const queue = await openBullmq(site, senders, undefined);
      if (queue) bullmq.push(await runBullmq(site, queue, senders, count));
    });
  }
  const wrong = talaria.reduce((all, { lost, doubled }) => all + lost + doubled, 0);
  return {
    results: [
      resultOf('talaria, killed', talaria),
      ...(bullmq.length > 0 ? [resultOf('bullmq, killed', bullmq)] : []),
    ],
    ratios: [],
    goals: [goal('killed in the middle: lost or sent twice', '=', 0, wrong)],
  };
}

async function runBullmq(site: Site, queue: BullmqSite, senders: readonly Sender[], count: number) {
  const first = await queue.publish(senders, count);
  const sending: Sending = {
    start: () => queue.start(),
    usage: (pid) => queue.usage(pid),
    countDecided: async () => count - (await queue.countOpen()),
    countUndecided: () => queue.countFailed(),
  };
  return killInTheMiddle(site, 'bullmq', sending, first, count);
}

function sendingByTalaria(site: Site): Sending {
  const countIn = async (condition: string) => {
    const { rows } = await site.database.client.query<{ count: number }>(
      `SELECT count(*)::integer AS count FROM dispatch_commands WHERE ${condition}`,
    );
    return rows[0]?.count ?? 0;
  };
  return {
    start: () => site.startDispatcher(soon),
    usage: (pid) => usageOf(site, pid),
    countDecided: () => countIn(`state IN ('accepted', 'failed', 'dead-lettered')`),
    countUndecided: () => countIn(`state IN ('failed', 'dead-lettered')`),
  };
}

async function killInTheMiddle(
  site: Site,
  name: string,
  sending: Sending,
  first: number,
  count: number,
): Promise<Run> {
  await site.simulator.reset();
  const begun = performance.now();
  const killed = await sending.start();
  const before = await sending.usage(killed.pid);
  await untilAccepted(site, count / 2);
  const until = await sending.usage(killed.pid);
  await killed.kill();
  const next = await sending.start();
  const from = await sending.usage(next.pid);
  await untilDecided(site, sending, count);
  const seconds = (performance.now() - begun) / 1000;
  const after = await sending.usage(next.pid);
  await next.stop();
  const arrivals = arrivalsOf(await site.simulator.accepted());
  const { lost: missing, doubled } = countLostAndDoubled(arrivals, first, count);
  const undecided = await sending.countUndecided();
  const used = added(usedForEach(before, until, count), usedForEach(from, after, count));
  const run = { seconds, messages: count, used, doubled, lost: Math.max(0, missing - undecided), undecided };
  site.ground.say(
    `${name.padEnd(9)} ${run.doubled} sent twice, ${run.lost} lost, ${undecided} told as undecided; ${usageText(used)}`,
  );
  return run;
}

async function untilDecided({ ground: { signal } }: Site, sending: Sending, count: number): Promise<void> {
  let [seen, since] = [-1, performance.now()];
  for (;;) {
    const decided = await sending.countDecided();
    if (decided >= count) return;
    if (decided > seen) [seen, since] = [decided, performance.now()];
    if (performance.now() - since > STALLED_MS)
      throw new Error(`${decided} of ${count} messages are decided, and it does not go on`);
    await sleep(POLL_MS, undefined, { signal });
  }
}

const added = (one: Clocks, other: Clocks): Clocks =>
  Object.fromEntries(Object.entries(one).map(([name, us = NaN]) => [name, us + (other[name] ?? NaN)]));

function resultOf(name: string, runs: readonly Run[]): Result {
  const sum = (read: (run: Run) => number) => runs.reduce((all, run) => all + read(run), 0);
  return {
    ...{ name, p50Ms: null, p99Ms: null },
    rate: spread(
      runs.map(({ messages, seconds }) => messages / seconds),
      0,
    ),
    ...cpuColumns(runs.map(({ used }) => used)),
    messages: sum(({ messages }) => messages),
    doubled: sum(({ doubled }) => doubled),
    lost: sum(({ lost }) => lost),
    undecided: sum(({ undecided }) => undecided),
  };
}
