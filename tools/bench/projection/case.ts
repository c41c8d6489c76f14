import { type BenchCase } from '../bench-case';
import { joinOutcomes, noOutcome, type Outcome } from '../report';
import { type Ground, openGround } from './ground';
import { measureBig } from './big';
import { drainLag } from './lag';
import { measureLatency } from './latency';
import { compareDuplicates, compareRates } from './rates';
import { measureStory } from './story';

const parts: Readonly<Record<string, (ground: Ground) => Promise<Outcome>>> = {
  rates: compareRates,
  duplicates: compareDuplicates,
  lag: drainLag,
  big: measureBig,
  story: measureStory,
  latency: measureLatency,
};

/** How fast records become rows, at what cost, and how fast these are read. */
export const projection: BenchCase = {
  summary:
    'records projected into Postgres: rates against other ways to do it, duplicates, a lag, many rows, latency',
  parts: Object.keys(parts),
  usualParts: Object.keys(parts),
  async run(context) {
    const ground = await openGround(context);
    let outcome: Outcome = noOutcome;
    try {
      for (const name of context.options.parts) {
        const part = parts[name];
        if (part) outcome = joinOutcomes(outcome, await part(ground));
      }
      return outcome;
    } finally {
      await ground.close();
    }
  },
};
