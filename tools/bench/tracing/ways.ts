import { type AppProcess } from '../../platform/app-process';
import { type Ground } from '../ground';
import { type Goal, goal, type Outcome, type Ratio, ratioOf, type Result } from '../report';

/** How much is traced, side by side. */
export const ways = ['off', 'sampled 10 %', 'always on'] as const;
export type Way = (typeof ways)[number];

/** What sampling one in ten may leave of the rate. */
const GOAL = 0.9;

/** A collector that takes everything and keeps nothing, in a process of its own. */
export async function startSink(ground: Ground): Promise<AppProcess> {
  return ground.startServer('otlp-sink', 'tools/bench/tracing/sink.js', {});
}

/** The variables of a process that is traced this way. */
export function variablesOf(way: Way, sink: AppProcess): Record<string, string> {
  if (way === 'off') return { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_TRACES_EXPORTER: '' };
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: way === 'always on' ? '1' : '0.1',
  };
}

/** Each way against none, by rate and by CPU of the traced process. */
export function compareWays<Run>(
  what: string,
  runs: Readonly<Record<Way, readonly Run[]>>,
  read: {
    readonly result: (name: string, all: readonly Run[]) => Result;
    readonly rate: (run: Run) => number;
    readonly appCpu: (run: Run) => number | undefined;
    /** Lost or doubled: what tracing must never do. */
    readonly faults: (run: Run) => number;
  },
): Outcome {
  const ratios: Ratio[] = [];
  const goals: Goal[] = [];
  for (const way of ways.slice(1)) {
    for (const [of, value] of [['rate', read.rate] as const, ['cpu of the process', read.appCpu] as const]) {
      const details = { of: what, what: of };
      const ratio = ratioOf(way, 'off', runs[way].map(value), runs.off.map(value), details);
      if (ratio) ratios.push({ ...ratio, of: `${what}, ${way}` });
      if (of === 'rate' && way === 'sampled 10 %')
        goals.push(goal(`${what}: ${way} / off, rate`, '>=', GOAL, ratio?.median));
    }
  }
  const faults = Object.values(runs)
    .flat()
    .reduce((all, run) => all + read.faults(run), 0);
  return {
    results: ways.map((way) => read.result(`${what}, ${way}`, runs[way])),
    ratios,
    goals: [...goals, goal(`${what}: lost or doubled`, '=', 0, faults)],
  };
}

export const noRuns = <Run>(): Record<Way, Run[]> => ({ off: [], 'sampled 10 %': [], 'always on': [] });

/** Who goes first has the cooler machine: each way does in its turn. */
export const waysOfRound = (round: number): Way[] =>
  ways.map((_, place) => ways[(place + round) % ways.length] ?? 'off');
