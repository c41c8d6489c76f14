import { type BenchContext } from '../bench-case';
import { goal, joinOutcomes, noOutcome, type Outcome, ratioOf, type Result } from '../report';

/** What was measured at one size, round by round. */
export type Size<Run> = { readonly size: number; readonly runs: Run[] };

/** What a message may cost at any size, divided by what it costs at the smallest. */
const GOAL = 1.5;

export const sizesOf = <Run>(sizes: readonly number[]): Size<Run>[] =>
  sizes.map((size) => ({ size, runs: [] }));

/**
 * Measures each size once in every round; each begins a round in its turn. One of the smallest comes first and does not count: what starts cold would
 * make it dear, and all others look cheap beside it.
 * @param beforeEach called before every round
 */
export async function inTurn<Run, Of extends Size<Run>>(
  { options: { rounds }, say }: Pick<BenchContext, 'options' | 'say'>,
  sizes: readonly Of[],
  measure: (of: Of) => Promise<Run>,
  beforeEach: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  say('One that does not count, for warming up:');
  await beforeEach();
  for (const smallest of sizes.slice(0, 1)) await measure(smallest);
  for (let round = 0; round < rounds; round++) {
    say(`Round ${round + 1} of ${rounds}:`);
    await beforeEach();
    for (const of of [...sizes.slice(round % sizes.length), ...sizes.slice(0, round % sizes.length)])
      of.runs.push(await measure(of));
  }
}

/**
 * The cost of a message at each size against that at the smallest, which comes first, round by round.
 * @param what is done with a message, like "projecting"
 * @param unit of the sizes, like "rows"
 * @param read.costOf microseconds of CPU of all that does the work; undefined: not known
 */
export function compareSizes<Run>(
  what: string,
  unit: string,
  sizes: readonly Size<Run>[],
  read: {
    readonly costOf: (run: Run) => number | undefined;
    readonly resultOf: (name: string, runs: readonly Run[]) => Result;
  },
): Outcome {
  const [smallest, ...larger] = sizes;
  if (smallest === undefined) return noOutcome;
  const nameOf = ({ size }: Size<Run>) => `${what}, ${size} ${unit}`;
  const costs = ({ runs }: Size<Run>) => runs.map(read.costOf);
  const compared = larger.map((one): Outcome => {
    const ratio = ratioOf(nameOf(one), String(smallest.size), costs(one), costs(smallest), { what: 'cpu' });
    const title = `${what}: CPU of a message, ${one.size} ${unit} / ${smallest.size}`;
    return { results: [], ratios: ratio ? [ratio] : [], goals: [goal(title, '<=', GOAL, ratio?.median)] };
  });
  const results = sizes.map((one) => read.resultOf(nameOf(one), one.runs));
  return compared.reduce(joinOutcomes, { results, ratios: [], goals: [] });
}
