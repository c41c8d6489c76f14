import { setTimeout as delay } from 'node:timers/promises';
import { type SendMessage, topics } from '@talaria/contracts';
import { type Assignment, type KafkaRecord, type RecordBatch, sizeOf } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Job, placeOf, recipientOf } from '../dispatch/job';
import { priorities, type Priority } from '../lanes/scheduler';
import { groupCommit } from '../ledger/group-commit';
import { type BacklogTable, type Parked, type Parking } from './backlog-table';
import { type Fresh, type Owned, recordKey } from './owned-partition';
import { createParkQueue } from './park-queue';
import { createRefill } from './refill';
import { admit, type Asking, isBehind, laneOfKey, recipientKey, tailOf, tailKey } from './tails';

/** A command that came with a batch. */
export type Arrival = { readonly command: SendMessage; readonly record: KafkaRecord };

/**
 * Keeps few commands of each lane in memory and the tail in the table. What is in the table is done as far as Kafka is concerned: a lane that is slow,
 * paused or flooded holds up nobody else's records.
 */
export type Backlog = {
  /** Takes over a partition of `whatsapp.outbound` and what is parked for it; until `lost` of the assignment. */
  assigned(assignment: Assignment): void;
  /**
   * Takes the commands of a batch: into the lanes, or into the table. Order is kept for each recipient, also among batches of the partition.
   * @param next the offset after the last record that was taken of the batch
   * @throws when the database does not answer a question, or the partition is not ours: then nothing was taken
   */
  take(batch: RecordBatch, arrivals: readonly Arrival[], next: number): Promise<void>;
  /**
   * Settles when commands of the partition may be taken again: too many of it are on their way into the table, or the database has not answered yet to
   * whoever took some before. Undefined while they may.
   */
  room(partition: number): Promise<void> | undefined;
  /** Commands of the partitions that are ours which are in the table, or on their way into it, and not in their lanes. */
  readonly depth: number;
  /** By number, of the partitions that are ours: commands that are not done, and how many of these (`rest`) are counted in `depth`. */
  queues(): Map<string, { readonly depth: number; readonly rest: number }>;
  /** Waits until what was sent is removed from the table, at most a second. */
  close(): Promise<void>;
};

export type BacklogDependencies = {
  readonly table: BacklogTable;
  /** Hands a job to its lane. */
  readonly add: (job: Job) => void;
  /** What a lane sends in a second; 0 while it is paused. */
  readonly rateOf: (phoneNumberId: string) => number;
  /** What may be in memory, over all lanes. */
  readonly max: { readonly commands: number; readonly bytes: number };
  /** How long a command may wait in memory alone; then it is copied into the table. */
  readonly copyAfterMs: number;
  /** How long a log must end before what is parked of it to count as another one. */
  readonly anewAfterMs: number;
  /** Reads a parked record again; undefined when it was given up, as no command any more. */
  readonly read: (record: KafkaRecord) => Promise<SendMessage | undefined>;
  readonly logger: Logger;
};

/** A few seconds of a lane's rate, so that reading from the table is rare and its pauses are not felt. */
const HELD_SECONDS = 3;
const HELD_AT_LEAST = 10;
/** What a lane may hold while memory is full, so that it goes on: what is on its way to Meta and back, and a little more. */
const HELD_SECONDS_WHEN_FULL = 0.25;
const HELD_AT_LEAST_WHEN_FULL = 2;
/** How many of a lane and priority leave their room to others. */
const MAX_ASIDE = 1000;
const AFTER_FAULT_MS = 1000;
const CLOSE_MS = 1000;

export function createBacklog(dependencies: BacklogDependencies): Backlog {
  const { table, logger, max, copyAfterMs, anewAfterMs } = dependencies;
  const owned = new Map<number, Owned>();
  const refill = createRefill({ table, boundOf, read: dependencies.read, bring, logger });
  let isFull = false;
  const removals = new Set<Promise<void>>();
  const remove = groupCommit(async (gone: readonly KafkaRecord[]) => {
    await table.remove(gone);
    return gone;
  });

  /** Full at the high mark, and until half of it is free again. */
  function isMemoryFull(): boolean {
    let [held, bytes] = [0, 0];
    for (const one of owned.values()) [held, bytes] = [held + one.held, bytes + one.heldBytes];
    const share = Math.max(held / max.commands, bytes / max.bytes);
    return (isFull = isFull ? share > 0.5 : share >= 1);
  }

  function boundOf(lane: string): number {
    const rate = dependencies.rateOf(lane);
    if (isMemoryFull()) return Math.max(HELD_AT_LEAST_WHEN_FULL, Math.ceil(rate * HELD_SECONDS_WHEN_FULL));
    return Math.max(HELD_AT_LEAST, Math.ceil(rate * HELD_SECONDS));
  }

  /** @param isAnew whether the log is another than the one that what is parked came from */
  async function begin(owner: Owned, isAnew: boolean): Promise<void> {
    const { partition, from } = owner.assignment;
    if (isAnew) {
      await written(owner);
      await table.putFirst(partition);
      owner.lastSeen = from - 1;
    }
    const lanes = await table.lanes(partition);
    for (const { phoneNumberId, priority, depth } of lanes)
      tailOf(owner.tails, phoneNumberId, priority).rest = depth;
    owner.loadsFrom = Math.max(0, ...lanes.map(({ lastPosition }) => lastPosition + 1));
    owner.lastSeen = Math.max(owner.lastSeen, owner.loadsFrom - 1);
    refill.wakeAll(owner);
  }

  /** Repeats what every batch of the partition waits for. */
  async function beginUntilDone(owner: Owned, isAnew = false): Promise<void> {
    while (!owner.assignment.lost.aborted) {
      try {
        await begin(owner, isAnew);
        return;
      } catch (error) {
        logger.error(
          { err: error, partition: owner.assignment.partition },
          'the backlog could not be read yet',
        );
        owner.tails.clear();
        await delay(AFTER_FAULT_MS, undefined, { ref: false });
      }
    }
  }

  /**
   * A log that ends before what is parked of it is another one of the same name. Not at once: leaders that have just started again know less of
   * what is committed than those before them, until their followers have asked.
   * @throws as long as the log is too short
   */
  function lookForEnd(owner: Owned, highWatermark: number): void {
    if (owner.loadsFrom <= highWatermark) {
      owner.shortSince = undefined;
      return;
    }
    owner.shortSince ??= performance.now();
    if (performance.now() - owner.shortSince < anewAfterMs)
      throw new Error(
        `the topic ends before what is parked from it: when it still does after ${anewAfterMs / 1000} s it counts as made anew`,
      );
    void inTurn(owner, () => beginUntilDone(owner, true));
    throw new Error('the topic was made anew: what is parked from the old one is put first');
  }

  async function take(
    owner: Owned,
    batch: RecordBatch,
    arrivals: readonly Arrival[],
    next: number,
  ): Promise<void> {
    const { tails } = owner;
    if (batch.topic === topics.outbound.name) lookForEnd(owner, batch.highWatermark);
    const asking = arrivals.map((arrival) => ({
      arrival,
      lane: arrival.command.phoneNumberId,
      recipient: recipientOf(arrival),
      priority: arrival.command.priority ?? 'notification',
      // While memory is full it is like all others: nobody may take what is left by a header.
      isFirst: placeOf(arrival) !== undefined && !isMemoryFull(),
    }));
    const { ahead, loaded } = await inTableFor(owner, asking);
    const admitted = admit(tails, asking, ahead, loaded, boundOf);
    if (batch.lost.aborted) return;
    // A batch of a retry topic may outlive that: it comes again, to whoever is the owner then.
    if (owner.assignment.lost.aborted)
      throw new Error('the partition of whatsapp.outbound is no longer ours');
    // From here to the end nothing else happens in between.
    const isLoaded = ({ arrival }: { arrival: Arrival }) => owner.loaded.has(recordKey(arrival.record));
    const fresh = admitted.filter((one) => !isLoaded(one));
    const repeated = admitted.filter(isLoaded);
    // One that is parked although it has a place is parked behind the others: this owner has loaded what lies about its place.
    const parkings = fresh.flatMap(({ isParked, arrival, priority }) => {
      const parking = parkingOf(owner, arrival, priority);
      const isBack = placeOf(arrival) !== undefined;
      return isParked ? [isBack ? { ...parking, position: arrival.record.offset } : parking] : [];
    });
    for (const { phoneNumberId, priority } of parkings) {
      const tail = tailOf(tails, phoneNumberId, priority);
      // One that was there already is counted twice: that is found out when the table has no more.
      tail.rest += 1;
      tail.pending += 1;
    }
    for (const { isParked, arrival, priority } of fresh)
      if (!isParked) holdFresh(owner, arrival, priority, batch);
    if (batch.topic === topics.outbound.name) {
      owner.frontier = Math.max(owner.frontier, next);
      const last = batch.records.findLast(({ offset }) => offset < next);
      owner.lastSeen = Math.max(owner.lastSeen, last?.offset ?? -1);
    }
    const reached = owner.frontier;
    owner.queue.add(parkings, () => {
      for (const parking of parkings) {
        batch.done(parking.record.offset);
        parked(owner, parking);
      }
      for (const { arrival } of repeated) batch.done(arrival.record.offset);
      see(owner, reached);
    });
  }

  function parked(owner: Owned, { phoneNumberId, priority }: Parking): void {
    const tail = tailOf(owner.tails, phoneNumberId, priority);
    tail.pending -= 1;
    tail.parkings += 1;
    refill.wake(owner, phoneNumberId, priority);
  }

  function see(owner: Owned, reached: number): void {
    const had = owner.visible;
    owner.visible = Math.max(had, reached);
    if (had < owner.loadsFrom && owner.visible >= owner.loadsFrom) refill.wakeAll(owner);
  }

  /** The priority in which something is in the table, or on its way into it, for recipients: `ahead` only there, `loaded` in memory as well. */
  async function inTableFor(
    owner: Owned,
    asking: readonly Asking[],
  ): Promise<Readonly<Record<'ahead' | 'loaded', Map<string, Priority>>>> {
    const { tails, assignment } = owner;
    const isInTable = (lane: string, priority: Priority) => {
      const { rest = 0, loaded = 0 } = tails.get(tailKey(lane, priority)) ?? {};
      return rest + loaded > 0;
    };
    const asked = asking.filter(({ lane, priority }) =>
      priorities.some((other) => other !== priority && isInTable(lane, other)),
    );
    const found = { ahead: new Map<string, Priority>(), loaded: new Map<string, Priority>() };
    const others = new Map<string, Asking>();
    for (const one of asked) {
      const key = recipientKey(one);
      const priority = owner.queue.priorityFor(key);
      if (priority === undefined) others.set(key, one);
      else found.ahead.set(key, priority);
    }
    if (others.size === 0) return found;
    for (const one of await table.lastOf(assignment.partition, [...others.values()])) {
      const isInTableOnly = isBehind(one, tailOf(tails, one.lane, one.priority).loadedTo);
      (isInTableOnly ? found.ahead : found.loaded).set(recipientKey(one), one.priority);
    }
    return found;
  }

  function hold(
    owner: Owned,
    { command, record }: Arrival,
    priority: Priority,
    { lost, isOurs }: Pick<Assignment, 'lost' | 'isOurs'>,
    finish: () => void,
  ): Job {
    const { phoneNumberId: lane } = command;
    const tail = tailOf(owner.tails, lane, priority);
    const bytes = sizeOf(record);
    tail.held += 1;
    owner.held += 1;
    owner.heldBytes += bytes;
    const done = () => {
      tail.held -= 1;
      if (job.isAside) tail.aside -= 1;
      owner.held -= 1;
      owner.heldBytes -= bytes;
      finish();
      if (tail.rest > 0) refill.wake(owner, lane, priority);
      else forgetIfEmpty(owner, lane, priority);
    };
    const setAside = () => {
      if (job.isAside || tail.aside >= MAX_ASIDE || isMemoryFull()) return;
      job.isAside = true;
      tail.aside += 1;
      if (tail.rest > 0) refill.wake(owner, lane, priority);
    };
    const job: Job = {
      command,
      record,
      lost,
      isOurs,
      done,
      addedAt: performance.now(),
      strikes: {},
      isAside: false,
      setAside,
    };
    dependencies.add(job);
    return job;
  }

  /** From Kafka, where its record stays unfinished until the command is done, or copied. */
  function holdFresh(owner: Owned, arrival: Arrival, priority: Priority, batch: RecordBatch): void {
    const { record } = arrival;
    const fresh: Fresh = {
      parking: parkingOf(owner, arrival, priority),
      job: hold(owner, arrival, priority, batch, () => fresh.finish()),
      isDone: false,
      finish() {
        owner.fresh.delete(fresh);
        fresh.isDone = true;
        batch.done(record.offset);
      },
    };
    owner.fresh.add(fresh);
  }

  /**
   * Copies what has waited in memory for long into the table. It stays in memory, where it is ahead of what the table alone has, but its
   * record is done: one that waits for weeks would hold the partition's committed offset until Kafka has deleted what lies behind it.
   */
  async function copyOld(owner: Owned): Promise<void> {
    const until = performance.now() - copyAfterMs;
    const old = [...owner.fresh].filter(({ job }) => job.addedAt <= until);
    if (old.length === 0) return;
    const asking = old.map(({ parking }) => ({ ...parking, lane: parking.phoneNumberId }));
    const { ahead, loaded } = await inTableFor(owner, asking);
    for (const one of old) {
      const { parking, job } = one;
      // Done meanwhile, or no longer ours.
      if (!owner.fresh.delete(one) || job.lost.aborted) continue;
      const key = recipientKey({ lane: parking.phoneNumberId, recipient: parking.recipient });
      const priority = ahead.get(key) ?? loaded.get(key) ?? parking.priority;
      loaded.set(key, priority);
      copy(owner, one, priority);
    }
  }

  function copy(owner: Owned, one: Fresh, priority: Priority): void {
    const { assignment, loaded, queue } = owner;
    const { job, parking } = one;
    loaded.add(recordKey(job.record));
    const end = countLoaded(owner, job.record, parking.phoneNumberId, priority);
    queue.add([{ ...parking, priority }], () => {
      if (one.isDone) end();
      else one.finish();
      one.finish = end;
      // Whoever has the retry topic that it came from: it is in our table now.
      [job.lost, job.isOurs] = [assignment.lost, assignment.isOurs];
    });
  }

  /** @returns to be called when the command, which is in memory and in the table, is done */
  function countLoaded(owner: Owned, record: KafkaRecord, lane: string, priority: Priority): () => void {
    const tail = tailOf(owner.tails, lane, priority);
    tail.loaded += 1;
    return () => {
      tail.loaded -= 1;
      forgetIfEmpty(owner, lane, priority);
      removeSoon(owner, record);
    };
  }

  function forgetIfEmpty({ tails }: Owned, lane: string, priority: Priority): void {
    const { rest = 0, held = 0, loaded = 0 } = tails.get(tailKey(lane, priority)) ?? {};
    if (rest + held + loaded === 0) tails.delete(tailKey(lane, priority));
  }

  /** From the table, in its turn. */
  function bring(owner: Owned, row: Parked, command: SendMessage | undefined): void {
    const { record, priority, phoneNumberId } = row;
    if (command === undefined) removeSoon(owner, record);
    else {
      const end = countLoaded(owner, record, phoneNumberId, priority);
      hold(owner, { command, record }, priority, owner.assignment, end);
    }
  }

  function removeSoon(owner: Owned, record: KafkaRecord): void {
    const removal = removeUntilDone(owner, record).finally(() => removals.delete(removal));
    removals.add(removal);
  }

  /** One that stays because we end before it is gone comes again, and the ledger knows it. */
  async function removeUntilDone(owner: Owned, record: KafkaRecord): Promise<void> {
    while (!owner.assignment.lost.aborted) {
      try {
        await remove(record);
        refill.forget(owner, record);
        return;
      } catch (error) {
        logger.warn({ err: error }, 'what was sent is not removed from the backlog yet');
        await delay(AFTER_FAULT_MS, undefined, { ref: false });
      }
    }
  }

  return {
    assigned(assignment) {
      if (assignment.topic !== topics.outbound.name) return;
      const owner: Owned = {
        assignment,
        tails: new Map(),
        loadsFrom: Infinity,
        shortSince: undefined,
        frontier: assignment.from,
        visible: assignment.from,
        lastSeen: assignment.from - 1,
        queue: createParkQueue(
          (parkings) => table.park(assignment.partition, parkings),
          assignment.lost,
          logger,
        ),
        fresh: new Set(),
        loaded: new Set(),
        held: 0,
        heldBytes: 0,
        turn: undefined,
      };
      // Behind the batch that is being taken, and before the next: under a load without a pause no turn is ever free.
      let isCopyDue = false;
      const copying = setInterval(() => {
        if (isCopyDue) return;
        isCopyDue = true;
        inTurn(owner, () => copyOld(owner))
          .catch((error: unknown) =>
            logger.warn({ err: error }, 'what has waited for long is not copied into the backlog yet'),
          )
          .finally(() => (isCopyDue = false));
      }, copyAfterMs / 4).unref();
      void inTurn(owner, () => beginUntilDone(owner));
      owned.set(assignment.partition, owner);
      assignment.lost.addEventListener('abort', () => {
        clearInterval(copying);
        if (owned.get(assignment.partition) === owner) owned.delete(assignment.partition);
      });
    },
    async take(batch, arrivals, next) {
      const owner = owned.get(batch.partition);
      if (owner === undefined) throw new Error('the partition of whatsapp.outbound is not ours yet');
      await inTurn(owner, () => take(owner, batch, arrivals, next));
    },
    room(partition) {
      const owner = owned.get(partition);
      return owner?.turn ?? owner?.queue.room();
    },
    get depth() {
      let depth = 0;
      for (const { tails } of owned.values()) for (const { rest } of tails.values()) depth += rest;
      return depth;
    },
    queues() {
      const queues = new Map<string, { depth: number; rest: number }>();
      for (const { tails } of owned.values())
        for (const [key, { held, rest }] of tails) {
          const lane = laneOfKey(key);
          const known = queues.get(lane) ?? { depth: 0, rest: 0 };
          queues.set(lane, { depth: known.depth + held + rest, rest: known.rest + rest });
        }
      return queues;
    },
    async close() {
      const late = delay(CLOSE_MS, undefined, { ref: false });
      await Promise.race([Promise.all(removals), late]);
    },
  };
}

/** Settles when what is on its way into the table is there, or the partition is lost. */
function written({ queue, assignment }: Owned): Promise<void> {
  return new Promise((resolve) => {
    queue.add([], resolve);
    assignment.lost.addEventListener('abort', () => {
      resolve();
    });
  });
}

async function inTurn(owner: Owned, work: () => Promise<void>): Promise<void> {
  const done = (owner.turn ?? Promise.resolve()).then(work);
  const turn = done
    .catch(() => undefined)
    .then(() => {
      if (owner.turn === turn) owner.turn = undefined;
    });
  owner.turn = turn;
  await done;
}

/**
 * One of strict order that has come back stands where it stood. Any other record of a retry topic stands behind all that came before it does: at the last of those, not right before what is read
 * next. In between may lie what is no record (a transaction's end), which the next owner would wait for.
 */
function parkingOf(owner: Owned, { command, record }: Arrival, priority: Priority): Parking {
  const { phoneNumberId, wabaId, id, campaignId } = command;
  return {
    record,
    position:
      placeOf({ command, record }) ??
      (record.topic === topics.outbound.name ? record.offset : owner.lastSeen),
    phoneNumberId,
    priority,
    wabaId,
    commandId: id,
    campaignId,
    recipient: recipientOf({ command }),
  };
}
