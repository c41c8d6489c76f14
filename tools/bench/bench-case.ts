import { type UsedStack } from '../setup/use-stack';
import { type BenchOptions, type CaseParts } from './arguments';
import { type Outcome } from './report';

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
