/**
 * Which records of a partition were handed out and which of them are done, in any order. What may be committed is the
 * floor: everything below it is done. Tracks the offsets that really came, since a log has gaps.
 */
export class OffsetWindow {
  /** Handed out and not below the floor yet, in order; true when done. */
  private readonly offsets = new Map<number, boolean>();
  private next = 0;
  private committable: number | undefined;

  /** Whether this offset was handed out already: it is not to be worked on again. */
  knows(offset: number): boolean {
    return offset < this.next;
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
    this.committable = oldest ?? this.next;
  }

  /** The offset to commit: the first that is not done; undefined as long as nothing was handed out. */
  get floor(): number | undefined {
    return this.committable;
  }

  /** How many records are handed out and not done, or done above one that is not. */
  get size(): number {
    return this.offsets.size;
  }
}
