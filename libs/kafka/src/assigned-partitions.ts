import { type Commit } from './fetch-commits';
import { OffsetWindow } from './offset-window';

/** What we know of a partition while it is ours. */
export type AssignedPartition = {
  readonly topic: string;
  readonly partition: number;
  readonly window: OffsetWindow;
  readonly lost: AbortController;
  committed: Commit | undefined;
  /** For how many reasons it is paused. */
  pauses: number;
  failures: number;
  /** The last batch that was handed out; settles when nothing of it is under way any more. */
  atWork: Promise<void>;
  /** Nothing is handed out before it is known where to begin. */
  isPlaced: boolean;
  /** Whether our owner was told that it is ours. */
  isAnnounced: boolean;
  /** Nothing below it is handed out. */
  from: number;
  /** Where to fetch from again once the group has confirmed that it is still ours. */
  rewindTo: number | undefined;
};

/** The partitions of this member, with topics as the brokers name them. A partition that is lost and comes back begins anew. */
export class AssignedPartitions {
  private readonly byId = new Map<string, AssignedPartition>();

  get(topic: string, partition: number): AssignedPartition | undefined {
    return this.byId.get(idOf(topic, partition));
  }

  all(): AssignedPartition[] {
    return [...this.byId.values()];
  }

  /** Takes over a new assignment: what we keep goes on where it is. */
  assign(assignment: Readonly<Record<string, readonly number[]>>): void {
    const now = new Map(
      Object.entries(assignment).flatMap(([topic, all]) =>
        all.map((partition) => [idOf(topic, partition), { topic, partition }] as const),
      ),
    );
    for (const [id, { lost }] of this.byId) {
      if (now.has(id)) continue;
      lost.abort();
      this.byId.delete(id);
    }
    for (const [id, { topic, partition }] of now) {
      const kept = this.byId.get(id);
      // Of what was taken back without being given out again we know no more than of a new one.
      if (kept?.isAnnounced !== true) this.byId.set(id, begin(topic, partition));
      else if (kept.committed !== undefined) kept.from = kept.committed.offset;
    }
  }

  /** Perhaps ours still, but what was handed out counts as lost. */
  renew({ topic, partition, window, lost, isPlaced, from }: AssignedPartition): AssignedPartition {
    lost.abort();
    const { floor, finished } = window;
    const fresh = { ...begin(topic, partition), isPlaced, from: floor ?? from, rewindTo: floor };
    if (floor !== undefined) fresh.window.restore(floor, finished);
    this.byId.set(idOf(topic, partition), fresh);
    return fresh;
  }

  loseAll(): void {
    this.assign({});
  }
}

function idOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function begin(topic: string, partition: number): AssignedPartition {
  return {
    topic,
    partition,
    window: new OffsetWindow(),
    lost: new AbortController(),
    committed: undefined,
    pauses: 0,
    failures: 0,
    atWork: Promise.resolve(),
    isPlaced: false,
    isAnnounced: false,
    from: 0,
    rewindTo: undefined,
  };
}
