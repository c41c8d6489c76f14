import { checkWebhooks } from '../../platform/check-platform';
import { type BenchContext } from '../bench-case';
import { type Clocks, cpuColumns, usedForEach } from '../clocks';
import { percentiles } from '../load/run-load';
import { goal, median, type Outcome, type Result, round, spread } from '../report';
import { checkStatuses, joinReplies } from './replies';
import { onSite, type Site } from './site';
import { untilSettled } from './settled';
import { memoryOf, usageOf } from './usage';
import { watchWaits } from './waits';

const MESSAGES = 50_000;
/** At which people write: the day's 50,000 in 50 s, so that 10 s of the minute are left for what follows the last ones. */
const PER_SECOND = 1000;
const REST_S = 10;
const PEOPLE = 20_000;
const WARM_UP = 2000;
/** The most that one body of a webhook tells; Meta allows itself 1,000. */
const UPDATES_IN_BODY = 10;
const LATENCY_GOAL_MS = 2000;

/** What the user's documents tell of a day; it is quoted, and nothing of it was measured here. */
const QUOTED: Result = {
  ...{ name: 'the documents’ day, quoted', rate: spread([MESSAGES / 86_400]) },
  ...{ p50Ms: null, p99Ms: 8400, cpuUs: null, cpu: {}, messages: MESSAGES },
};

type Run = {
  readonly seconds: number;
  readonly delay: ReturnType<typeof percentiles>;
  readonly faults: Readonly<Record<string, number>>;
  readonly cpu: Clocks;
  readonly details: Readonly<Record<string, unknown>>;
};

/** People write, evenly, whatever becomes of it; everybody is answered; everything is told, and projected. */
export async function measureDay(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const messages = options.messages ?? MESSAGES;
  const offered = options.seconds ?? messages / PER_SECOND;
  const runs: Run[] = [];
  for (let number = 1; number <= options.rounds; number++) {
    say(`Round ${number} of ${options.rounds}: ${messages} messages in ${offered} s.`);
    const run = await onSite(context, (site) => runDay(site, messages, offered));
    runs.push(run);
    say(`Settled after ${round(run.seconds, 1)} s; ${JSON.stringify(run)}`);
  }
  const middle = (read: (run: Run) => number, digits = 1) => round(median(runs.map(read)), digits);
  const faults = runs.flatMap((run) => Object.values(run.faults)).reduce((sum, count) => sum + count, 0);
  const p99 = middle(({ delay }) => delay.p99);
  return {
    results: [
      {
        name: 'the day',
        rate: spread(
          runs.map(({ seconds }) => messages / seconds),
          1,
        ),
        p50Ms: middle(({ delay }) => delay.p50),
        p99Ms: p99,
        maxMs: round(Math.max(...runs.map(({ delay }) => delay.max)), 1),
        ...cpuColumns(runs.map(({ cpu }) => cpu)),
        messages,
        seconds: spread(
          runs.map(({ seconds }) => seconds),
          1,
        ),
        ...(runs.length === 1 ? { ...runs[0]?.details, faults: runs[0]?.faults } : { runs }),
      },
      QUOTED,
    ],
    ratios: [],
    goals: [
      goal(
        `${messages} messages, their replies and statuses settled, s`,
        '<=',
        offered + REST_S,
        middle(({ seconds }) => seconds),
      ),
      goal('from due to the reply accepted, p99 ms', '<=', LATENCY_GOAL_MS, p99),
      goal('lost or doubled at any stage', '=', 0, faults),
    ],
  };
}

async function runDay(site: Site, messages: number, offered: number): Promise<Run> {
  const { simulator } = site.platform;
  await simulator.putSettings({ webhooks: { batch: UPDATES_IN_BODY } });
  await offer(site, WARM_UP, PER_SECOND);
  await untilSettled(site, WARM_UP);
  const before = await usageOf(site);
  const startsAt = performance.now();
  const { waits } = await watchWaits(site.platform.databaseUrl, async () => {
    await offer(site, messages, messages / offered);
    await untilSettled(site, WARM_UP + messages);
  });
  const seconds = (performance.now() - startsAt) / 1000;
  const cpu = usedForEach(before, await usageOf(site), messages);
  const memoryMiB = memoryOf(site);
  const { sinceDueMs, answerMs, behind } = await simulator.traffic();
  const { webhooks, refused } = await simulator.stats();
  return {
    ...{ seconds, cpu },
    details: { memoryMiB, waits, sinceDueMs, answerMs, behind, bodies: webhooks.acknowledged, refused },
    ...(await check(site, messages)),
  };
}

async function offer({ platform }: Site, count: number, perSecond: number): Promise<void> {
  await platform.simulator.startTraffic({ perSecond, count, kinds: ['text'], senders: PEOPLE });
}

/** Compares what Meta's stand-in told, was answered and took, and what is in the read model: id by id, over the warm-up too. */
async function check({ platform, client }: Site, messages: number) {
  const [acknowledged, accepted] = [
    await platform.simulator.acknowledged(),
    await platform.simulator.accepted(),
  ];
  const { delays, ...replies } = joinReplies(acknowledged, accepted, WARM_UP);
  const statuses = checkStatuses(acknowledged, accepted);
  const rows = await checkWebhooks(platform.databaseUrl, acknowledged);
  const all = WARM_UP + messages;
  const { rows: counts } = await client.query<{ commands: string; messages: string }>(
    `SELECT (SELECT count(*) FROM commands WHERE state = 'accepted') AS commands,
            (SELECT count(*) FROM messages WHERE direction = 'outbound' AND command_id IS NOT NULL AND read_at IS NOT NULL) AS messages`,
  );
  const faults = {
    messagesUnheard: all - acknowledged.filter(({ kind }) => kind === 'message').length,
    repliesLost: replies.lost,
    repliesDoubled: replies.doubled,
    repliesUnasked: replies.unasked,
    statusesLost: statuses.lost,
    statusesInvented: statuses.invented,
    rowsLost: rows.lost,
    rowsDoubled: rows.duplicated,
    commandsNotAccepted: all - Number(counts[0]?.commands),
    repliesNotRead: all - Number(counts[0]?.messages),
  };
  return { delay: percentiles(delays), faults };
}
