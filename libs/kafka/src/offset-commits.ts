import { isDeepStrictEqual } from 'node:util';
import { type Logger } from '@talaria/observability';
import { type EachBatchPayload } from 'kafkajs';
import { type AssignedPartitions } from './assigned-partitions';
import { encodeRuns } from './finished-runs';

/** Tells the group how far each partition is done, and which records behind that are. */
export class OffsetCommits {
  private send: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;
  private underWay: Promise<void> | undefined;

  constructor(
    private readonly assigned: AssignedPartitions,
    private readonly logger: Logger,
  ) {}

  /** By what to commit from now on; undefined while it is no member of its group. */
  through(send: EachBatchPayload['commitOffsetsIfNecessary'] | undefined): void {
    this.send = send;
  }

  /**
   * One at a time, so that an older one does not arrive after a newer; but for one that a frozen broker wakes with, after it went unanswered: from
   * there on what is done comes again after the next join. Never fails: what is not committed is next time.
   */
  commit(): Promise<void> {
    return (this.underWay ??= this.commitFloors().finally(() => (this.underWay = undefined)));
  }

  /** Waits for the one that is under way, and commits what it did not know. */
  async finish(): Promise<void> {
    await this.underWay;
    await this.commit();
  }

  /**
   * Commits what is assigned now: one for a lost partition would be accepted and could undo another member's. For the same reason it is tried
   * once, and next time with the offsets of then; kafkajs's own `commitOffsets` would repeat these for a minute.
   */
  private async commitFloors(): Promise<void> {
    const due = this.assigned.all().flatMap((held) => {
      const { floor, finished } = held.window;
      if (floor === undefined) return [];
      const commit = { offset: floor, metadata: encodeRuns(floor, finished) };
      return isDeepStrictEqual(commit, held.committed) ? [] : [{ held, commit }];
    });
    if (due.length === 0 || this.send === undefined) return;
    const topics = due.map(({ held: { topic, partition }, commit: { offset, metadata } }) => ({
      topic,
      partitions: [{ partition, offset: String(offset), metadata }],
    }));
    try {
      await this.send({ topics });
      for (const { held, commit } of due) held.committed = commit;
    } catch (error) {
      const reason = error instanceof Error ? error.name : 'unknown';
      this.logger.warn({ reason }, 'offsets not committed yet');
    }
  }
}
