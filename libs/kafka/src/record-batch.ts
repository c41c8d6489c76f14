import { type KafkaRecord } from './kafka-record';

/** Records of one partition, in order. */
export type RecordBatch = {
  /** Without the prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly KafkaRecord[];
  /** The offset after the last record of the partition. */
  readonly highWatermark: number;
  /** The offset after the last record that was fetched with these. Records that are done already are left out, perhaps all of them. */
  readonly next: number;
  /**
   * Aborted when the partition goes to another member, may have gone to one because the group has not confirmed us for too long, or
   * the consumer closes: drop what has not begun. What was not done comes again, here or elsewhere.
   */
  readonly lost: AbortSignal;
  /**
   * Whether the group confirmed us so lately that nobody else can have the partition. To be asked right before what only its owner may do:
   * after a freeze of the process `lost` comes too late.
   */
  readonly isOurs: () => boolean;
  /** For a handler that takes long for a reason: after two minutes without it, or its end, it counts as hanging. */
  readonly alive: () => void;
  /** Marks one record as finished, in any order. Only what lies below the first unfinished one is ever committed. */
  readonly done: (offset: number) => void;
};

/**
 * What a handler took: all, or the first `taken` records; the rest comes again once `resume` has settled (the partition is paused
 * until then, others go on).
 */
export type Taken = { readonly taken: number; readonly resume: Promise<unknown> };

/**
 * Must return fast: a held batch stops every partition led by the same broker. When it throws, nothing of the batch counts as
 * taken, and it comes again after a pause that grows to 30 s, so a handler that has begun some of its records returns `Taken` instead.
 * A record is never given up, that is the handler's decision.
 */
export type BatchHandler = (batch: RecordBatch) => Promise<Taken | undefined>;
