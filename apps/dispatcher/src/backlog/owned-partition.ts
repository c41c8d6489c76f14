import { type Assignment } from '@talaria/kafka';
import { type ParkQueue } from './park-queue';
import { type Tails } from './tails';

/** What we know of a partition while it is ours. */
export type Owned = {
  readonly assignment: Assignment;
  readonly tails: Tails;
  readonly queue: ParkQueue;
  /** Records of the main topic below it are in their lanes, in the table or on their way into it. */
  frontier: number;
  /** Likewise, and none is on its way. */
  visible: number;
  /**
   * Nothing is loaded before that has come so far: what was parked by an earlier owner must not pass records before it that come again.
   */
  loadsFrom: number;
  held: number;
  heldBytes: number;
  /** Batches of the partition, its retry topics' too, are taken one after the other. */
  turn: Promise<unknown>;
};
