type Entry<T> = { readonly at: number; readonly order: number; readonly item: T };

/** Things that are due at a time, earliest first; those due at the same time leave in the order in which they came. A binary heap. */
export class Timeline<T> {
  private readonly heap: Entry<T>[] = [];
  private added = 0;

  get size(): number {
    return this.heap.length;
  }

  get nextAt(): number | undefined {
    return this.heap[0]?.at;
  }

  add(at: number, item: T): void {
    const entry = { at, order: this.added, item };
    this.added += 1;
    let index = this.heap.length;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.heap[parentIndex];
      if (parent === undefined || before(parent, entry)) break;
      this.heap[index] = parent;
      index = parentIndex;
    }
    this.heap[index] = entry;
  }

  /** Takes the earliest item out when it is due. */
  takeDue(now: number): T | undefined {
    const first = this.heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.heap.pop();
    if (last !== undefined && last !== first) this.sink(last);
    return first.item;
  }

  clear(): void {
    this.heap.length = 0;
  }

  private sink(entry: Entry<T>): void {
    let index = 0;
    for (;;) {
      const left = this.heap[2 * index + 1];
      const right = this.heap[2 * index + 2];
      const isRight = left !== undefined && right !== undefined && before(right, left);
      const child = isRight ? right : left;
      if (child === undefined || before(entry, child)) break;
      this.heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    this.heap[index] = entry;
  }
}

function before<T>(one: Entry<T>, other: Entry<T>): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
