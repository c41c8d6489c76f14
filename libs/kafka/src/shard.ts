import { type EncodableRecord } from './encode-produce';
import { type NotWrittenError } from './write-faults';

export type Written = { readonly topic: string; readonly partition: number; readonly offset: number };

/** A record on its way, and whom to tell. */
export type Waiting = {
  readonly record: EncodableRecord;
  readonly bytes: number;
  readonly expiresAt: number;
  /** The caller has its answer; the record may still be under way. */
  answered: boolean;
  readonly resolve: (written: Written) => void;
  readonly reject: (error: NotWrittenError) => void;
};

/** The records of one partition: what waits, in the order of the calls, and the batch that is under way. */
export type Shard = {
  /** With the prefix. */
  readonly topic: string;
  readonly partition: number;
  queue: Waiting[];
  sending: readonly Waiting[];
  /** How often in a row its batch was not written. */
  failures: number;
  /** When its last batch left, on the monotonic clock. */
  sentAt: number;
  /** Nothing is sent before, on the monotonic clock. */
  retryAt: number;
  /** How many records may leave together: fewer while one is looked for that the broker refuses. */
  limit: number;
};

export const BATCH_RECORDS = 500;
/** Half of the broker's default limit for one batch, so that no batch of ours is refused for its size. */
const BATCH_BYTES = 512 * 1024;

export function newShard(topic: string, partition: number): Shard {
  return {
    topic,
    partition,
    queue: [],
    sending: [],
    failures: 0,
    sentAt: 0,
    retryAt: 0,
    limit: BATCH_RECORDS,
  };
}

export function isBusy({ queue, sending }: Shard): boolean {
  return queue.length > 0 || sending.length > 0;
}

/** Moves what may leave in one batch from the queue to `sending`; what was given up meanwhile is left out. */
export function takeBatch(shard: Shard): void {
  let bytes = 0;
  let count = 0;
  for (const one of shard.queue) {
    if (count === shard.limit || (count > 0 && bytes + one.bytes > BATCH_BYTES)) break;
    bytes += one.bytes;
    count++;
  }
  shard.sending = shard.queue.slice(0, count);
  shard.queue = shard.queue.slice(count);
}

/** Puts the batch that was not written back in front, without what was given up meanwhile. */
export function putBack(shard: Shard): void {
  shard.queue = [...shard.sending.filter(({ answered }) => !answered), ...shard.queue];
  shard.sending = [];
}
