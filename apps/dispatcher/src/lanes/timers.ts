/** Things that are due at a time, the earliest first; of those due at once, who was added first. A binary heap: adding and taking cost log n. */
export type Timers<T> = { heap: Timer<T>[]; added: number };

export type Timer<T> = { readonly at: number; readonly order: number; readonly what: T };

export function createTimers<T>(): Timers<T> {
  return { heap: [], added: 0 };
}

export function addTimer<T>(timers: Timers<T>, at: number, what: T): void {
  const { heap } = timers;
  const timer = { at, order: timers.added++, what };
  let place = heap.push(timer) - 1;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || isBefore(above, timer)) break;
    heap[place] = above;
    place = parent;
  }
  heap[place] = timer;
}

/** When the next is due; Infinity when there is none. */
export function nextAt<T>({ heap }: Timers<T>): number {
  return heap[0]?.at ?? Infinity;
}

/** Takes one that is due. */
export function takeDue<T>({ heap }: Timers<T>, now: number): T | undefined {
  const [first] = heap;
  if (first === undefined || first.at > now) return undefined;
  const last = heap.pop();
  if (last !== undefined && heap.length > 0) sink(heap, last);
  return first.what;
}

/** Forgets those that nobody waits for any more. */
export function keepTimers<T>(timers: Timers<T>, isWanted: (what: T, at: number) => boolean): void {
  // What is in order is a heap.
  timers.heap = timers.heap
    .filter(({ what, at }) => isWanted(what, at))
    .sort((one, other) => (isBefore(one, other) ? -1 : 1));
}

function sink<T>(heap: Timer<T>[], timer: Timer<T>): void {
  let place = 0;
  for (;;) {
    const left = 2 * place + 1;
    const [one, other] = [heap[left], heap[left + 1]];
    const isOther = one !== undefined && other !== undefined && isBefore(other, one);
    const least = isOther ? other : one;
    if (least === undefined || isBefore(timer, least)) break;
    heap[place] = least;
    place = isOther ? left + 1 : left;
  }
  heap[place] = timer;
}

function isBefore<T>(one: Timer<T>, other: Timer<T>): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
