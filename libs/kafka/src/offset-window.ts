import { joinRuns, type Run } from './finished-runs';

/**
 * Which records of a partition were handed out and which of them are done, in any order. What may be committed is the
 * floor: everything below it is done. Tracks the offsets that really came, since a log has gaps.
 */
export class OffsetWindow {
  /** Handed out and not below the floor yet; true when done. */
  private readonly offsets = new Map<number, boolean>();
  /** The same in order, from `head` on. A map from whose front much was deleted is slow to find its first. */
  private order: number[] = [];
  private head = 0;
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
    this.order.push(offset);
    this.next = offset + 1;
    this.committable ??= offset;
  }

  /** Takes back what was handed out from this offset on: it will come again, except what lies below the floor and so is finished. */
  retract(from: number): void {
    const first = Math.max(from, this.committable ?? from);
    for (let last = this.order.at(-1); last !== undefined && last >= first; last = this.order.at(-1)) {
      this.offsets.delete(last);
      this.order.pop();
    }
    this.head = Math.min(this.head, this.order.length);
    this.next = Math.min(this.next, first);
  }

  /** Marks a record as finished. Unknown offsets are ignored: they belong to an assignment that is over. */
  done(offset: number): void {
    if (this.offsets.get(offset) !== false) return;
    this.offsets.set(offset, true);
    this.dropDone();
    const floor = this.order[this.head] ?? this.restoredAt(this.next)?.to ?? this.next;
    this.committable = floor;
    this.next = Math.max(this.next, floor);
    if (this.restored[0] !== undefined && this.restored[0].to <= floor)
      this.restored = this.restored.filter(({ to }) => to > floor);
  }

  private dropDone(): void {
    for (let first = this.order[this.head]; first !== undefined; first = this.order[this.head]) {
      if (this.offsets.get(first) !== true) break;
      this.offsets.delete(first);
      this.head += 1;
    }
    if (this.head < 1024 || this.head < this.order.length / 2) return;
    this.order = this.order.slice(this.head);
    this.head = 0;
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
