import { setTimeout as delay } from 'node:timers/promises';
import { sizeOf } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Priority } from '../lanes/scheduler';
import { type Parking } from './backlog-table';
import { recipientKey } from './tails';

/**
 * Commands of one partition on their way into the table. Who adds does not wait: those of other lanes that stand behind them in the log are
 * read meanwhile. They are written in the order in which they were added.
 */
export type ParkQueue = {
  /** @param onParked called when these, and all that were added before, are in the table */
  add(parkings: readonly Parking[], onParked: () => void): void;
  /** In which priority one for this recipient (see recipientKey) is on its way. */
  priorityFor(recipient: string): Priority | undefined;
  /** Settles when there is room again, at the low mark; undefined while there is. */
  room(): Promise<void> | undefined;
};

/** Beyond the high mark the partition is paused, until half of that is written. */
const MAX = { commands: 50_000, bytes: 32 * 1024 ** 2 };
const ROWS_AT_ONCE = 2000;
const AFTER_FAULT_MS = 1000;

type Group = { readonly parkings: readonly Parking[]; readonly onParked: () => void };

/** @param lost ends it: what is not written by then comes again */
export function createParkQueue(
  park: (parkings: readonly Parking[]) => Promise<void>,
  lost: AbortSignal,
  logger: Logger,
): ParkQueue {
  let waiting: Group[] = [];
  const recipients = new Map<string, { readonly priority: Priority; count: number }>();
  let [commands, bytes] = [0, 0];
  let isFull = false;
  let isWriting = false;
  const waitingForRoom: (() => void)[] = [];

  function count({ phoneNumberId, recipient, priority, record }: Parking, by: 1 | -1): void {
    commands += by;
    bytes += by * sizeOf(record);
    const key = recipientKey({ lane: phoneNumberId, recipient });
    const known = recipients.get(key);
    if (known === undefined) recipients.set(key, { priority, count: by });
    else if (known.count + by === 0) recipients.delete(key);
    else known.count += by;
  }

  function look(): void {
    const share = Math.max(commands / MAX.commands, bytes / MAX.bytes);
    isFull = isFull ? share > 0.5 : share >= 1;
    if (!isFull || lost.aborted) for (const go of waitingForRoom.splice(0)) go();
  }

  /** As many groups as fit, and at least one. */
  function next(): Group[] {
    let rows = 0;
    const end = waiting.findIndex(({ parkings }) => (rows += parkings.length) > ROWS_AT_ONCE);
    return waiting.slice(0, end < 0 ? waiting.length : Math.max(1, end));
  }

  async function writeAll(): Promise<void> {
    while (waiting.length > 0 && !lost.aborted) {
      const groups = next();
      const parkings = groups.flatMap((group) => group.parkings);
      try {
        if (parkings.length > 0) await park(parkings);
      } catch (error) {
        logger.error({ err: error }, 'commands could not be parked yet; it is tried again');
        await delay(AFTER_FAULT_MS, undefined, { ref: false });
        continue;
      }
      waiting = waiting.slice(groups.length);
      for (const parking of parkings) count(parking, -1);
      for (const { onParked } of groups) onParked();
      look();
    }
    // At once: who adds a moment later must find that nobody writes.
    isWriting = false;
  }

  lost.addEventListener('abort', look);
  return {
    add(parkings, onParked) {
      if (waiting.length === 0 && parkings.length === 0) {
        onParked();
        return;
      }
      waiting.push({ parkings, onParked });
      for (const parking of parkings) count(parking, 1);
      look();
      if (isWriting) return;
      isWriting = true;
      void writeAll();
    },
    priorityFor: (recipient) => recipients.get(recipient)?.priority,
    room: () => (isFull ? new Promise((resolve) => waitingForRoom.push(resolve)) : undefined),
  };
}
