import { setTimeout as delay } from 'node:timers/promises';
import { type SendMessage } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Priority } from '../lanes/scheduler';
import { type BacklogTable, type LaneKey, type Parked, type Wanted } from './backlog-table';
import { type Owned, recordKey } from './owned-partition';
import { takenOf, type Tail, tailKey, tailOf } from './tails';

/** Brings parked commands into memory, in their order, when half of what their lane may hold is gone. One statement at a time, for many lanes. */
export type Refill = {
  /** The lane may have room, or something parked that it had not. Costs nothing when it has not. */
  wake(owner: Owned, lane: string, priority: Priority): void;
  wakeAll(owner: Owned): void;
  /** The record is in the table no longer. */
  forget(owner: Owned, record: KafkaRecord): void;
};

const LANES_AT_ONCE = 64;
const AFTER_FAULT_MS = 1000;

type Hungry = Wanted & {
  readonly tail: Tail;
  readonly owner: Owned;
  readonly lane: string;
  readonly parkings: number;
};

export function createRefill({
  table,
  boundOf,
  read,
  bring,
  logger,
}: {
  readonly table: Pick<BacklogTable, 'load'>;
  /** How many of a lane and priority may be in memory. */
  readonly boundOf: (lane: string) => number;
  readonly read: (record: KafkaRecord) => Promise<SendMessage | undefined>;
  /** Takes a row, and its command if it is one. */
  readonly bring: (owner: Owned, row: Parked, command: SendMessage | undefined) => void;
  readonly logger: Logger;
}): Refill {
  /** Tails that may take more into memory. */
  const hungry = new Map<
    Tail,
    { readonly owner: Owned; readonly lane: string; readonly priority: Priority }
  >();
  /** Records that have left the table: what is being read may still have them. */
  let forgotten: (() => void)[] = [];
  let isLoading = false;

  function forget({ loaded }: Owned, record: KafkaRecord): void {
    forgotten.push(() => loaded.delete(recordKey(record)));
    if (!isLoading) forgetAll();
  }

  function forgetAll(): void {
    for (const forgetOne of forgotten) forgetOne();
    forgotten = [];
  }

  function wakeAll(owner: Owned): void {
    for (const [key, { rest }] of owner.tails) {
      const [lane = '', priority] = key.split('/');
      if (rest > 0) wake(owner, lane, priority as Priority);
    }
  }

  function wake(owner: Owned, lane: string, priority: Priority): void {
    hungry.set(tailOf(owner.tails, lane, priority), { owner, lane, priority });
    if (isLoading) return;
    isLoading = true;
    setImmediate(() => void loadAll());
  }

  async function loadAll(): Promise<void> {
    for (;;) {
      forgetAll();
      const wanted = takeHungry();
      if (wanted.length === 0) {
        // At once: who wakes us a moment later must find that we sleep.
        isLoading = false;
        return;
      }
      try {
        await load(wanted);
      } catch (error) {
        logger.error({ err: error }, 'the backlog could not be read yet; it is tried again');
        await delay(AFTER_FAULT_MS, undefined, { ref: false });
        for (const { tail, owner, lane, priority } of wanted) hungry.set(tail, { owner, lane, priority });
      }
    }
  }

  function takeHungry(): Hungry[] {
    const wanted: Hungry[] = [];
    for (const [tail, { owner, lane, priority }] of hungry) {
      if (wanted.length === LANES_AT_ONCE) break;
      hungry.delete(tail);
      const { assignment, visible, loadsFrom } = owner;
      const bound = boundOf(lane);
      if (
        assignment.lost.aborted ||
        tail.rest <= tail.pending ||
        visible < loadsFrom ||
        takenOf(tail) > bound / 2
      )
        continue;
      const limit = bound - takenOf(tail);
      wanted.push({
        ...{ tail, owner, lane, priority, limit, parkings: tail.parkings },
        ...{ partition: assignment.partition, phoneNumberId: lane, after: tail.loadedTo, before: visible },
      });
    }
    return wanted;
  }

  async function load(wanted: readonly Hungry[]): Promise<void> {
    const found = await table.load(wanted);
    const byTail = new Map(wanted.map((one) => [laneOf(one), one]));
    const rows = found.filter((row) => !byTail.get(laneOf(row))?.owner.loaded.has(recordKey(row.record)));
    const commands = await Promise.all(rows.map(({ record }) => read(record)));
    const lanes = new Set(found.map(laneOf));
    for (const one of wanted) {
      // What was parked while we read may have been missed; else the table has no more of it.
      if (!lanes.has(laneOf(one)) && one.tail.parkings === one.parkings) one.tail.rest = one.tail.pending;
    }
    for (const row of found) {
      const one = byTail.get(laneOf(row));
      if (one !== undefined) one.tail.loadedTo = row;
    }
    rows.forEach((row, index) => {
      const one = byTail.get(laneOf(row));
      if (one === undefined || one.owner.assignment.lost.aborted) return;
      // That it was the last is known only when there is no more: a predecessor's statement may have ended after our count.
      one.tail.rest = Math.max(one.tail.pending + 1, one.tail.rest - 1);
      one.owner.loaded.add(recordKey(row.record));
      bring(one.owner, row, commands[index]);
    });
    for (const { tail, owner, lane, priority } of wanted)
      if (tail.rest > 0 && takenOf(tail) <= boundOf(lane) / 2) wake(owner, lane, priority);
  }

  return { wake, wakeAll, forget };
}

function laneOf({ partition, phoneNumberId, priority }: LaneKey): string {
  return `${partition}/${tailKey(phoneNumberId, priority)}`;
}
