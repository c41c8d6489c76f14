import { type UsedStack } from '../setup/use-stack';
import { type BenchOptions, type CaseParts } from './arguments';
import { joinOutcomes, noOutcome, type Outcome } from './report';

/** What a case is given. */
export type BenchContext = {
  readonly options: BenchOptions;
  readonly stack: UsedStack;
  /** Progress, for a person. */
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C: whatever waits must then end, and tidy up behind it. */
  readonly signal: AbortSignal;
};

export type BenchCase = CaseParts & { run(context: BenchContext): Promise<Outcome> };

/** Parts of a case by their names. */
export type Parts = Readonly<Record<string, (context: BenchContext) => Promise<Outcome>>>;

/** A case of which any part is measured by itself, and all of them as a rule: one after the other, in the order in which they were asked for. */
export function caseOf(summary: string, parts: Parts, usualRounds?: number): BenchCase {
  return {
    ...{ summary, parts: Object.keys(parts), usualParts: Object.keys(parts), usualRounds },
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
}
