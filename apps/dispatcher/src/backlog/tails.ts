import { type Priority } from '../lanes/scheduler';

/** Where a parked command stands: in the order in which they were published. */
export type Place = { readonly position: number; readonly id: number };

/** What one lane and priority has to send: some in memory and, behind that, the rest in the table. */
export type Tail = {
  /** How many are in the table only, or on their way into it. */
  rest: number;
  /** How many of those are on their way. */
  pending: number;
  /** How many are in memory. */
  held: number;
  /** How many of those leave their room to others, since they wait for long. */
  aside: number;
  /** How many of those are in the table as well: it keeps them until they are done. */
  loaded: number;
  /** The last one that was brought from the table into memory. */
  loadedTo: Place;
  /** Counts what was parked, so that who reads meanwhile knows that it may have seen too little. */
  parkings: number;
};

/** The tails of a partition, by lane and priority. */
export type Tails = Map<string, Tail>;

const BEFORE_ALL: Place = { position: Number.MIN_SAFE_INTEGER, id: 0 };

export function tailKey(lane: string, priority: Priority): string {
  return `${lane}/${priority}`;
}

export function laneOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

export function tailOf(tails: Tails, lane: string, priority: Priority): Tail {
  const key = tailKey(lane, priority);
  let tail = tails.get(key);
  if (tail === undefined)
    tails.set(
      key,
      (tail = { rest: 0, pending: 0, held: 0, aside: 0, loaded: 0, loadedTo: BEFORE_ALL, parkings: 0 }),
    );
  return tail;
}

export function isBehind(one: Place, other: Place): boolean {
  return one.position > other.position || (one.position === other.position && one.id > other.id);
}

/** A command that asks to be held in memory. */
export type Asking = {
  readonly lane: string;
  readonly recipient: string;
  readonly priority: Priority;
  /** It goes before all others of its recipient, whatever they wait for. */
  readonly isFirst?: boolean;
};

/** Its priority is its own, or that of what is parked for the same recipient: behind which it has to stay. */
export type Admitted<One extends Asking> = One & { readonly isParked: boolean };

/** How much of what a lane may hold is taken. */
export function takenOf({ held, aside }: Tail): number {
  return held - aside;
}

export function recipientKey({ lane, recipient }: Pick<Asking, 'lane' | 'recipient'>): string {
  return `${lane}/${recipient}`;
}

/**
 * Which commands, in the order in which they were published, may be held in memory, and which go to the table. Nothing passes what is parked
 * before it in its lane and priority, and no recipient's message passes an earlier one of the same recipient. All that is in the table for a
 * recipient has one priority there: the next owner, who has none of it in memory, can keep no order among priorities. Pure.
 * @param parkedFor the priority of what is parked, and not in memory, for a recipient (see recipientKey)
 * @param loadedFor likewise of what is parked, and in memory too
 * @param boundOf how many of a lane and priority may be in memory
 */
export function admit<One extends Asking>(
  tails: Tails,
  asking: readonly One[],
  parkedFor: ReadonlyMap<string, Priority>,
  loadedFor: ReadonlyMap<string, Priority>,
  boundOf: (lane: string) => number,
): Admitted<One>[] {
  const ahead = new Map(parkedFor);
  const held = new Map<string, number>();
  const parking = new Set<string>();
  return asking.map((one) => {
    const priority = one.isFirst === true ? one.priority : (ahead.get(recipientKey(one)) ?? one.priority);
    const key = tailKey(one.lane, priority);
    const tail = tails.get(key);
    const inMemory = held.get(key) ?? (tail === undefined ? 0 : takenOf(tail));
    const isBehindParked = ahead.has(recipientKey(one)) || parking.has(key) || (tail?.rest ?? 0) > 0;
    if (one.isFirst === true || (!isBehindParked && inMemory < boundOf(one.lane))) {
      held.set(key, inMemory + 1);
      return Object.assign({}, one, { priority, isParked: false });
    }
    const parkedAs = loadedFor.get(recipientKey(one)) ?? priority;
    parking.add(tailKey(one.lane, parkedAs));
    ahead.set(recipientKey(one), parkedAs);
    return Object.assign({}, one, { priority: parkedAs, isParked: true });
  });
}
