import { type BenchCase, type BenchContext } from '../bench-case';
import { joinOutcomes, noOutcome, type Outcome } from '../report';
import { compareWithBare } from './ceiling';
import { compareWithoutLedger } from './certainty';
import { measureLatency } from './latency';
import { measureNeighbour } from './neighbour';
import { measureParked } from './parked';
import { measurePaused } from './paused';
import { measureRates } from './rates';

const parts: Readonly<Record<string, (context: BenchContext) => Promise<Outcome>>> = {
  rates: measureRates,
  ceiling: compareWithBare,
  certainty: compareWithoutLedger,
  neighbour: measureNeighbour,
  paused: measurePaused,
  parked: measureParked,
  latency: measureLatency,
};

/** How fast commands become messages at Meta within its limits, and what the numbers feel of each other. */
export const dispatcher: BenchCase = {
  summary:
    'commands sent to a stand-in for Meta: permitted rates, the ceiling without limits, neighbours, pauses, backlogs, latency',
  parts: Object.keys(parts),
  usualParts: Object.keys(parts),
  async run(context) {
    let outcome: Outcome = noOutcome;
    for (const name of context.options.parts) {
      context.say(`Part ${name}:`);
      const part = parts[name];
      if (part) outcome = joinOutcomes(outcome, await part(context));
    }
    return outcome;
  },
};
