import { type Assignment, type KafkaRecord } from '@talaria/kafka';
import { type Job } from '../dispatch/job';
import { type Parking } from './backlog-table';
import { type ParkQueue } from './park-queue';
import { type Tails } from './tails';

/** What we know of a partition while it is ours. */
export type Owned = {
  readonly assignment: Assignment;
  readonly tails: Tails;
  readonly queue: ParkQueue;
  /** Records of the main topic below it are in their lanes, in the table or on their way into it. */
  frontier: number;
  /** The last record of the main topic that we, or what is parked, know of. */
  lastSeen: number;
  /** As `frontier`, and none is on its way. */
  visible: number;
  /**
   * Nothing is loaded before that has come so far: what was parked by an earlier owner must not pass records before it that come again.
   */
  loadsFrom: number;
  /** Since when its log has ended before that, in ms of the monotonic clock. */
  shortSince: number | undefined;
  /** What is in memory and not in the table, in the order in which it came. */
  readonly fresh: Set<Fresh>;
  /** Records (see recordKey) that are in the table, or on their way into it or out of it, and in memory: they are not loaded. */
  readonly loaded: Set<string>;
  held: number;
  heldBytes: number;
  /** Batches of the partition, its retry topics' too, are taken one after the other; undefined when none is. */
  turn: Promise<void> | undefined;
};

/** A command in memory whose record is not done. */
export type Fresh = {
  /** Where it would stand in the table. */
  readonly parking: Parking;
  readonly job: Job;
  isDone: boolean;
  finish: () => void;
};

/** Tells the records of a partition and its retry topics apart, also from those of a topic of the same name that was deleted. */
export function recordKey({ topic, offset, timestamp }: KafkaRecord): string {
  return `${topic}/${offset}/${timestamp}`;
}
