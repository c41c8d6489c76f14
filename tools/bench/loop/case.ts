import { caseOf } from '../bench-case';
import { measureDay } from './day';

/** Everything together, as a customer would feel it. */
export const loop = caseOf(
  'the whole platform: people write, an example answers them, Meta tells what became of it; a day of 50,000 in a minute',
  { day: measureDay },
  1,
);
