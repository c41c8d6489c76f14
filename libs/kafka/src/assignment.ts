/** A partition while it is ours. */
export type Assignment = {
  /** Without the prefix. */
  readonly topic: string;
  readonly partition: number;
  /** No record below it will be handed out during this assignment. */
  readonly from: number;
  /** The same signal as that of its batches. */
  readonly lost: AbortSignal;
  /** The same as that of its batches. */
  readonly isOurs: () => boolean;
};
