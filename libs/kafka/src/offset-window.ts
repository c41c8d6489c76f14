import { joinRuns, type Run } from './finished-runs';

/**
 * Which records of a partition were handed out and which of them are done, in any order. What may be committed is the
 * floor: everything below it is done. Tracks the offsets that really came, since a log has gaps.
 */
export class OffsetWindow {
  /** Handed out and not below the floor yet, in order; true when done. */
  private readonly offsets = new Map<number, boolean>();
  private next = 0;
  private committable: number | undefined;
  /** Done in an earlier assignment, above the floor. */
  private restored: readonly Run[] = [];

  /** Goes on, before anything is handed out, where an earlier window was. */
  restore(floor: number, finished: readonly Run[]): void {
    this.next = floor;
    this.committable = floor;
    this.restored = finished;
  }

  /** Whether this offset was handed out already: it is not to be worked on again. */
  knows(offset: number): boolean {
    return offset < this.next || this.restoredAt(offset) !== undefined;
  }

  /** Hands out a record; offsets come in ascending order. */
  deliver(offset: number): void {
    this.offsets.set(offset, false);
    this.next = offset + 1;
    this.committable ??= offset;
  }

  /** Takes back what was handed out from this offset on: it will come again, except what lies below the floor and so is finished. */
  retract(from: number): void {
    const first = Math.max(from, this.committable ?? from);
    for (const offset of this.offsets.keys()) {
      if (offset >= first) this.offsets.delete(offset);
    }
    this.next = Math.min(this.next, first);
  }

  /** Marks a record as finished. Unknown offsets are ignored: they belong to an assignment that is over. */
  done(offset: number): void {
    if (this.offsets.get(offset) !== false) return;
    this.offsets.set(offset, true);
    for (const [first, isDone] of this.offsets) {
      if (!isDone) break;
      this.offsets.delete(first);
    }
    const [oldest] = this.offsets.keys();
    const floor = oldest ?? this.restoredAt(this.next)?.to ?? this.next;
    this.committable = floor;
    this.next = Math.max(this.next, floor);
    this.restored = this.restored.filter(({ to }) => to > floor);
  }

  /** A log that ends here is not the one that what was restored speaks of, if that goes on behind it. */
  endsAt(highWatermark: number): void {
    if ((this.restored.at(-1)?.to ?? 0) > highWatermark) this.restored = [];
  }

  /** The offset to commit: the first that is not done; undefined as long as nothing was handed out. */
  get floor(): number | undefined {
    return this.committable;
  }

  /** What is done above the floor, in order. */
  get finished(): Run[] {
    const runs: Run[] = [];
    let open: number | undefined;
    for (const [offset, isDone] of this.offsets) {
      // Between two that came one after the other there is nothing, or what was restored.
      if (isDone) runs.push({ from: open ?? offset, to: offset + 1 });
      open = isDone ? offset + 1 : undefined;
    }
    return joinRuns([...runs, ...this.restored]);
  }

  /** How many records are handed out and not done, or done above one that is not. */
  get size(): number {
    return this.offsets.size;
  }

  private restoredAt(offset: number): Run | undefined {
    return this.restored.find(({ from, to }) => from <= offset && offset < to);
  }
}
