import { caseOf } from '../bench-case';
import { growNumbers } from './numbers';
import { growPartitions } from './partitions';
import { growRows } from './rows';

/** Whether a message costs more for what is there already. */
export const growth = caseOf(
  'what a message costs beside more and more: rows in the database, numbers that send, partitions of the topics',
  { rows: growRows, numbers: growNumbers, partitions: growPartitions },
);
