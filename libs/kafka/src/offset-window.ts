import { joinRuns, type Run } from './finished-runs';

/**
 * Which records of a partition were handed out and which of them are done, in any order. What may be committed is the
 * floor: everything below it is done. Tracks the offsets that really came, since a log has gaps.
 */
export class OffsetWindow {
  /** Handed out and not done. What is done above the floor is not kept: one that waits for days would have millions behind it. */
  private readonly open = new Set<number>();
  /** The same in order, from `head` on, among some that are done. A set from whose front much was deleted is slow to find its first. */
  private order: number[] = [];
  private head = 0;
  private next = 0;
  private committable: number | undefined;
  /** Done above the floor, in an earlier assignment or before it was taken back with what lay around it. */
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
    this.open.add(offset);
    this.order.push(offset);
    this.next = offset + 1;
    this.committable ??= offset;
  }

  /** Takes back what was handed out from this offset on: what is not done of it will come again. */
  retract(from: number): void {
    const first = Math.max(from, this.committable ?? from);
    const done = this.finished.filter(({ to }) => to > first);
    this.restored = joinRuns([
      ...this.restored,
      ...done.map((run) => ({ from: Math.max(run.from, first), to: run.to })),
    ]);
    for (let last = this.order.at(-1); last !== undefined && last >= first; last = this.order.at(-1)) {
      this.open.delete(last);
      this.order.pop();
    }
    this.head = Math.min(this.head, this.order.length);
    this.next = Math.min(this.next, first);
  }

  /** Marks a record as finished. Unknown offsets are ignored: they belong to an assignment that is over. */
  done(offset: number): void {
    if (!this.open.delete(offset)) return;
    this.dropDone();
    const floor = this.order[this.head] ?? this.restoredAt(this.next)?.to ?? this.next;
    this.committable = floor;
    this.next = Math.max(this.next, floor);
    if (this.restored[0] !== undefined && this.restored[0].to <= floor)
      this.restored = this.restored.filter(({ to }) => to > floor);
  }

  private dropDone(): void {
    for (let first = this.order[this.head]; first !== undefined; first = this.order[this.head]) {
      if (this.open.has(first)) break;
      this.head += 1;
    }
    if (this.order.length < 2 * this.open.size + 1024) return;
    this.order = this.order.slice(this.head).filter((offset) => this.open.has(offset));
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
    let end: number | undefined;
    // Between two that are open lies what is done, what was restored, or nothing.
    for (const offset of [...this.open, this.next]) {
      if (end !== undefined && offset > end) runs.push({ from: end, to: offset });
      end = offset + 1;
    }
    return joinRuns([...runs, ...this.restored]);
  }

  /** Behind the last that was handed out. */
  get position(): number {
    return this.next;
  }

  /** How many records are handed out and not done. */
  get size(): number {
    return this.open.size;
  }

  private restoredAt(offset: number): Run | undefined {
    return this.restored.find(({ from, to }) => from <= offset && offset < to);
  }
}
