import { openLoop } from '../load/open-loop';
import { goal, type Outcome, round } from '../report';
import { type Ground } from './ground';
import { countLost, resultOf, type Run, startProjecting } from './projecting';
import { lineOf } from './rates';
import { watchVisibility } from './visibility';

const RECORDS = 1_000_000;
const WARM_UP_MS = 3000;
const LIVE = { perSecond: 100, count: 500 };
const GOALS = { residentMiB: 500, lastTenth: 0.9, liveMs: 100 };

/** Many records wait: they are projected in bounded memory and at an even rate, and after them live ones at once. */
export async function drainLag(ground: Ground): Promise<Outcome> {
  const { topic, signal, say, options } = ground;
  await topic.fill(options.records ?? RECORDS);
  const database = await ground.openDatabase();
  const projecting = await startProjecting(ground, database);
  const run = await projecting.untilDone();
  const first = topic.take(LIVE.count);
  const visibility = watchVisibility(database);
  await openLoop(LIVE.perSecond, LIVE.count, signal, async (place) => {
    await topic.publish(first + place);
    visibility.expect(first + place);
  });
  const live = await visibility.end();
  await projecting.stop();
  const lost = await countLost(ground, database);
  await database.drop();
  const lastTenth = evennessOf(run);
  say(`lag              ${lineOf(run)}; last tenth / first tenth ${lastTenth}`);
  const result = resultOf('lag', [{ ...run, lost }]);
  return {
    results: [{ ...result, p50Ms: round(live.p50, 1), p99Ms: round(live.p99, 1) }],
    ratios: [],
    goals: [
      goal('memory while a lag is drained, MiB', '<=', GOALS.residentMiB, Number(result.maxResidentMiB)),
      goal('rate of the last tenth / the first tenth', '>=', GOALS.lastTenth, lastTenth),
      goal('live right after the lag, p50 ms', '<=', GOALS.liveMs, round(live.p50, 1)),
      goal('records of the lag without their row', '=', 0, lost + live.unseen),
    ],
  };
}

/** The rate of the last tenth divided by that of the first, after the process has warmed up. */
export function evennessOf({ curve }: Pick<Run, 'curve'>): number {
  const warm = curve.filter(({ atMs }) => atMs >= (curve[0]?.atMs ?? 0) + WARM_UP_MS);
  const [start, end] = [warm[0], warm.at(-1)];
  if (start === undefined || end === undefined) return NaN;
  const tenth = (end.projected - start.projected) / 10;
  const [first, last] = [
    warm.find(({ projected }) => projected >= start.projected + tenth) ?? end,
    warm.findLast(({ projected }) => projected <= end.projected - tenth) ?? start,
  ];
  const rate = (from: Point, to: Point) => (to.projected - from.projected) / (to.atMs - from.atMs);
  return round(rate(last, end) / rate(start, first), 3);
}

type Point = Run['curve'][number];
