import { type BenchCase, type BenchContext } from '../bench-case';
import { joinOutcomes, noOutcome, type Outcome } from '../report';
import { measureList } from './list';
import { measureRedrive } from './redrive';

const parts: Readonly<Record<string, (context: BenchContext) => Promise<Outcome>>> = {
  list: measureList,
  redrive: measureRedrive,
};

/** How fast an operator is answered, and how well a re-drive keeps its rate. */
export const deadLetters: BenchCase = {
  summary: 'dead letters: a page of very many by each filter, a re-drive at its rate',
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
