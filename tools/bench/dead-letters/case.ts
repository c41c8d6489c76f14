import { caseOf } from '../bench-case';
import { measureList } from './list';
import { measureRedrive } from './redrive';

/** How fast an operator is answered, and how well a re-drive keeps its rate. */
export const deadLetters = caseOf(
  'dead letters: a page of very many by each filter, a re-drive at its rate',
  {
    list: measureList,
    redrive: measureRedrive,
  },
);
