import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, type WorkingClock } from '@talaria/observability';
import { type Assigner, type Cluster, type Consumer, type EachBatchPayload } from 'kafkajs';
import { type AssignedPartition, AssignedPartitions } from './assigned-partitions';
import { coPartitioningAssigner } from './co-partitioning-assigner';
import { createKafka } from './create-kafka';
import { type Assignment } from './assignment';
import { fetchCommits } from './fetch-commits';
import { decodeRuns } from './finished-runs';
import { rebalances } from './kafka.metrics';
import { readRecord } from './kafka-record';
import { findStarts, type PositionOf } from './find-starts';
import { Lease } from './lease';
import { showMember } from './member-lag';
import { OffsetCommits } from './offset-commits';
import { OffsetWindow } from './offset-window';
import { type BatchHandler, type RecordBatch, type Taken } from './record-batch';
import { explained } from './refusals';
import { type KafkaConfig } from './settings';
import { Watchdog } from './watchdog';
import { isUnknownTopic } from './write-faults';

export type GroupConsumer = {
  /** Why it makes no progress by itself; undefined when it does, and while it waits for what is away. */
  fault(): string | undefined;
  /** Whether it is a member of its group. */
  joined(): boolean;
  /** Of the topic's partitions, the share that is its own now: from 0 to 1. */
  ownedShare(topic: string): number;
  /** Stops fetching, waits for handlers (2 s), commits (1 s), leaves the group (1 s). */
  close(): Promise<void>;
};

const COMMIT_MS = 500;
const PARTITIONS_AT_ONCE = 12;
const HEARTBEAT_MS = 1000;
/** What is paused is not fetched, and its end must be asked for. */
const LOOK_FOR_ENDS_MS = 5000;
const MAX_PAUSE_MS = 30_000;
const CLOSE_MS = { handlers: 2000, commit: 1000, leave: 1000 };

/**
 * One member of a consumer group over the given topics. Partition i of every topic goes to the same member. Offsets are committed
 * twice a second and at the end, never beyond the first record that is not done; with them the ones behind it that are done, which do not come
 * again either.
 * @param options.handlers by topic, without the prefix
 * @param options.onFatal the consumer has stopped for good: the process must end
 * @param options.positionOf where the handler's own books say that a partition goes on, instead of the committed offset; asked whenever the
 * group has (re)assigned it, before anything of it is handed out. A position beyond the end of the log is left to the handler
 * @param options.onAssigned told of each partition that is newly ours, before anything of it is handed out; again for the same one after its
 * `lost`. Must not throw
 * @param options.partitionsAtOnce how many batches are in the hands of handlers; default 12
 * @param options.sessionTimeoutMs after it the group gives the partitions of a silent member away; default KAFKA_SESSION_TIMEOUT
 * @param options.clock by which it counts as hanging: stands while what handlers wait for is away; default: the monotonic one
 * @throws {RefusedError} when Kafka does not let us in, or not read a topic; otherwise when no broker answers, or a topic does not exist
 */
export async function startConsumer(options: {
  readonly config: KafkaConfig;
  readonly groupId: string;
  readonly handlers: ReadonlyMap<string, BatchHandler>;
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
  readonly positionOf?: PositionOf | undefined;
  readonly onAssigned?: ((assignment: Assignment) => void) | undefined;
  readonly sessionTimeoutMs?: number;
  readonly partitionsAtOnce?: number;
  readonly clock?: Pick<WorkingClock, 'now'> | undefined;
}): Promise<GroupConsumer> {
  const {
    config,
    handlers,
    logger,
    onFatal,
    positionOf,
    onAssigned,
    clock = performance,
    sessionTimeoutMs = options.config.KAFKA_SESSION_TIMEOUT,
  } = options;
  const assigned = new AssignedPartitions();
  const watchdog = new Watchdog(clock);
  const commits = new OffsetCommits(assigned, logger);
  const lease = new Lease(sessionTimeoutMs);
  let memberId: string | undefined;
  let isJoined = false;
  let closing = false;
  const client = { config, clientId: options.groupId, logger };
  let placing: Promise<void> = Promise.resolve();
  let joins = 0;
  let cluster: Cluster | undefined;
  const topicNames = new Map([...handlers.keys()].map((topic) => [config.KAFKA_PREFIX + topic, topic]));
  const lag = showMember(options.groupId, topicNames, () => assigned.all());

  const consumer = createKafka(config, options.groupId, logger, { onWarning: watchdog.sign }).consumer({
    groupId: config.KAFKA_PREFIX + options.groupId,
    partitionAssigners: [
      (given) => {
        cluster = given.cluster;
        return joining(coPartitioningAssigner(given));
      },
    ],
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: HEARTBEAT_MS,
    rebalanceTimeout: 60_000,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 512 * 1024,
    maxBytes: 8 * 1024 * 1024,
    metadataMaxAge: 60_000,
    allowAutoTopicCreation: false,
    retry: {
      retries: 40,
      initialRetryTime: 100,
      maxRetryTime: 1000,
      restartOnFailure: () => Promise.resolve(!closing),
    },
  });
  watch(consumer);
  await start();
  const ticker = setInterval(tick, COMMIT_MS);
  const ends = setInterval(() => void lookForEnds().catch(() => undefined), LOOK_FOR_ENDS_MS).unref();

  /** kafkajs asks an assigner for its protocol right before it sends JoinGroup, and says so to nobody else. */
  function joining(assigner: Assigner): Assigner {
    return { ...assigner, protocol: (subscription) => (lease.join(), assigner.protocol(subscription)) };
  }

  async function start(): Promise<void> {
    const topics = [...topicNames.keys()];
    try {
      await consumer.connect();
      await consumer.subscribe({ topics, fromBeginning: true });
    } catch (error) {
      lag.close();
      await consumer.disconnect().catch(() => undefined);
      if (!isUnknownTopic(error)) throw explained(error, topics.join(', '));
      const why = `Kafka lacks one of the topics ${topics.join(', ')}. Create the topics with: talaria topics apply`;
      throw new Error(why, { cause: error });
    }
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: options.partitionsAtOnce ?? PARTITIONS_AT_ONCE,
      eachBatch: (payload) => watchdog.handle((alive) => handle(payload, alive)),
    });
  }

  function watch(watched: Consumer): void {
    const { events } = watched;
    for (const sign of [events.FETCH, events.CONNECT, events.CRASH]) watched.on(sign, watchdog.sign);
    watched.on(events.REQUEST_TIMEOUT, ({ payload }) => watchdog.asked(payload.apiName));
    watched.on(events.REQUEST, ({ payload: { apiName, duration } }) => {
      watchdog.asked(apiName);
      if (apiName === 'Heartbeat' || apiName === 'SyncGroup')
        lease.answered(apiName, duration, performance.now());
    });
    watched.on(events.HEARTBEAT, () => {
      watchdog.sign();
      lease.confirmed();
      if (lease.holds(performance.now())) rewind();
    });
    watched.on(events.GROUP_JOIN, ({ payload }) => {
      watchdog.sign();
      lease.joined();
      // Under a new id others may have had our partitions in between.
      if (payload.memberId !== memberId) assigned.loseAll();
      memberId = payload.memberId;
      isJoined = true;
      // Runs inside the join, before anything of the new assignment is fetched.
      assigned.assign(payload.memberAssignment);
      resumeForgotten();
      joins += 1;
      rebalances.inc({ group: options.groupId });
      placing = placeAll();
      logger.info({ partitions: assigned.all().length }, 'joined the consumer group');
    });
    // It has left the group, and kafkajs throws at whoever pauses or resumes until it has joined again.
    watched.on(events.STOP, () => {
      isJoined = false;
      commits.through(undefined);
      assigned.loseAll();
    });
    watched.on(events.CRASH, ({ payload }) => {
      logger.error({ reason: payload.error.name, restart: payload.restart }, 'the consumer crashed');
      if (!payload.restart && !closing) onFatal(explained(payload.error, options.groupId) as Error);
    });
  }

  /** kafkajs remembers what was paused in an earlier assignment. */
  function resumeForgotten(): void {
    for (const { topic, partitions } of consumer.paused()) {
      const forgotten = partitions.filter((partition) => (assigned.get(topic, partition)?.pauses ?? 0) === 0);
      if (forgotten.length > 0) consumer.resume([{ topic, partitions: forgotten }]);
    }
  }

  /**
   * Finds out where each new partition begins. Where a handler has books, every partition is fetched from where those are, also one to
   * which nothing new comes.
   */
  async function placeAll(): Promise<void> {
    const join = joins;
    const all = assigned.all().filter(({ isPlaced }) => positionOf !== undefined || !isPlaced);
    if (all.length === 0) return;
    const placed = untilPlaced(all, () => join === joins && !closing);
    for (const held of all) {
      held.isPlaced = false;
      pauseUntil(held, placed);
    }
    await placed;
  }

  async function untilPlaced(all: readonly AssignedPartition[], isWanted: () => boolean): Promise<void> {
    // What is under way from before the join still moves the position.
    await Promise.all(all.map(({ atWork }) => atWork));
    for (let failures = 0; isWanted(); failures++) {
      try {
        await (positionOf === undefined ? placeByCommits(all, isWanted) : placeByBooks(positionOf, isWanted));
        return;
      } catch (error) {
        const pauseMs = Math.min(1000 * 2 ** failures, MAX_PAUSE_MS);
        logger.error({ err: error, pauseMs }, 'where to begin is not known yet');
        await delay(pauseMs, undefined, { ref: false });
      }
    }
  }

  /** The offset is where kafkajs begins by itself. */
  async function placeByCommits(all: readonly AssignedPartition[], isWanted: () => boolean): Promise<void> {
    const commits = await fetchCommits(client, config.KAFKA_PREFIX + options.groupId, all);
    if (!isWanted()) return;
    for (const held of all) {
      const commit = commits.get(held);
      if (commit !== undefined) {
        held.from = commit.offset;
        held.committed = commit;
        held.window.restore(commit.offset, decodeRuns(commit.offset, commit.metadata));
      }
      held.isPlaced = true;
      announce(held);
    }
  }

  async function placeByBooks(position: PositionOf, isWanted: () => boolean): Promise<void> {
    const starts = await findStarts(client, position, assigned.all());
    if (!isWanted()) return;
    for (const [{ topic, partition }, from] of starts) {
      consumer.seek({ topic, partition, offset: String(from) });
      const held = assigned.get(topic, partition);
      if (held !== undefined) held.from = from;
    }
    // Not those of before: doubt may have renewed them meanwhile.
    for (const held of assigned.all()) {
      held.isPlaced = true;
      held.rewindTo = undefined;
      if (!held.isAnnounced) announce(held);
    }
  }

  function announce(held: AssignedPartition): void {
    held.isAnnounced = true;
    const { partition, from, lost } = held;
    const topic = held.topic.slice(config.KAFKA_PREFIX.length);
    onAssigned?.({ topic, partition, from, lost: lost.signal, isOurs: () => isOurs(held) });
  }

  function isOurs({ lost }: AssignedPartition): boolean {
    return !lost.signal.aborted && lease.holds(performance.now());
  }

  function tick(): void {
    if (lease.isOver(performance.now())) doubt();
    void commits.commit();
  }

  /**
   * The group has not confirmed us for so long that another member may have our partitions (we were frozen, or cut off): what
   * was handed out counts as lost.
   */
  function doubt(): void {
    for (const held of assigned.all()) {
      if (!held.isAnnounced) continue;
      const { topic, partition } = held;
      logger.warn({ topic, partition }, 'not confirmed as its owner for too long');
      assigned.renew(held);
    }
    if (assigned.all().length > 0) resumeForgotten();
  }

  /** The group has confirmed us after all, and nobody had our partitions: what was not done comes again. */
  function rewind(): void {
    for (const held of assigned.all()) {
      if (held.isAnnounced || !held.isPlaced) continue;
      const { topic, partition, rewindTo } = held;
      if (rewindTo !== undefined) consumer.seek({ topic, partition, offset: String(rewindTo) });
      held.rewindTo = undefined;
      announce(held);
    }
  }

  async function handle(payload: EachBatchPayload, alive: () => void): Promise<void> {
    const held = assignedTo(payload);
    if (held === undefined || closing || payload.isStale() || !isOurs(held) || !held.isPlaced) return;
    commits.through((offsets) => payload.commitOffsetsIfNecessary(offsets));
    // An error here is met again, and handled, in the heartbeat that kafkajs sends after the batch.
    const beat = setInterval(() => void payload.heartbeat().catch(() => undefined), HEARTBEAT_MS);
    const work = handOut(payload, held, alive).finally(() => clearInterval(beat));
    held.atWork = work.catch(() => undefined);
    await work;
  }

  /** A log that ends before what was done of it is another one: kafkajs has found that out of range, and reads from the start. */
  function assignedTo({ batch }: EachBatchPayload): AssignedPartition | undefined {
    const { topic, partition } = batch;
    const held = assigned.get(topic, partition);
    const first = Number(batch.messages[0]?.offset);
    if (held?.isPlaced !== true || first >= held.from || Number(batch.highWatermark) >= held.from)
      return held;
    logger.error({ topic, partition, from: held.from, to: first }, 'the log began anew');
    const fresh = assigned.renew({ ...held, window: new OffsetWindow(), from: first });
    announce(fresh);
    return fresh;
  }

  async function handOut(
    payload: EachBatchPayload,
    held: AssignedPartition,
    alive: () => void,
  ): Promise<void> {
    const { batch } = payload;
    const { partition, messages } = batch;
    const topic = batch.topic.slice(config.KAFKA_PREFIX.length);
    held.window.endsAt(Number(batch.highWatermark));
    const records = messages
      .filter(({ offset }) => !held.window.knows(Number(offset)))
      .map((message) => readRecord(topic, partition, message));
    lag.read(held, Number(batch.highWatermark), records);
    const { taken, resume } = await offer(held, {
      topic,
      partition,
      records,
      highWatermark: Number(batch.highWatermark),
      next: Number(batch.lastOffset()) + 1,
      lost: held.lost.signal,
      isOurs: () => isOurs(held),
      alive,
      done: (offset) => held.window.done(offset),
    });
    if (taken > 0 || records.length === 0) lag.taken(held);
    if (held.lost.signal.aborted) return;
    const rest = records[taken]?.offset;
    const last = messages.findLast(({ offset }) => rest === undefined || Number(offset) < rest);
    if (last !== undefined) payload.resolveOffset(last.offset);
    if (rest !== undefined) pauseUntil(held, resume);
  }

  async function offer(held: AssignedPartition, batch: RecordBatch): Promise<Taken> {
    const { window } = held;
    const { topic, partition, records } = batch;
    const all = { taken: records.length, resume: Promise.resolve() };
    const from = records[0]?.offset ?? batch.next;
    const handler = handlers.get(topic);
    if (handler === undefined) return all;
    for (const { offset } of records) window.deliver(offset);
    try {
      const result = (await handler(batch)) ?? all;
      held.failures = 0;
      const rest = records[result.taken];
      if (rest !== undefined) window.retract(rest.offset);
      return result;
    } catch (error) {
      const pauseMs = Math.min(1000 * 2 ** held.failures++, MAX_PAUSE_MS);
      logger.error({ err: error, topic, partition, pauseMs }, 'a batch failed and will come again');
      window.retract(from);
      return { taken: 0, resume: delay(pauseMs, undefined, { ref: false }) };
    }
  }

  function pauseUntil(held: AssignedPartition, resume: Promise<unknown>): void {
    const { topic, partition } = held;
    held.pauses += 1;
    consumer.pause([{ topic, partitions: [partition] }]);
    const goOn = () => {
      held.pauses -= 1;
      if (held.pauses === 0 && assigned.get(topic, partition) === held && !closing)
        consumer.resume([{ topic, partitions: [partition] }]);
    };
    resume.then(goOn, goOn);
  }

  /** For the metrics alone: what cannot be told now is told next time. */
  async function lookForEnds(): Promise<void> {
    const topics = [...topicNames.keys()].map((topic) => ({
      topic,
      partitions: assigned
        .all()
        .flatMap((held) => (held.topic === topic ? [{ partition: held.partition }] : [])),
      fromBeginning: false,
    }));
    const found = await cluster?.fetchTopicsOffset(topics.filter(({ partitions }) => partitions.length > 0));
    for (const { topic, partitions } of found ?? [])
      for (const { partition, offset } of partitions) {
        const held = assigned.get(topic, partition);
        if (held !== undefined) lag.endsAt(held, Number(offset));
      }
  }

  return {
    fault: () => watchdog.fault(lease.confirmedInVain * HEARTBEAT_MS),
    joined: () => isJoined,
    ownedShare: (topic) => {
      const name = config.KAFKA_PREFIX + topic;
      const owned = assigned.all().filter((held) => held.topic === name).length;
      return owned === 0 ? 0 : owned / (cluster?.findTopicPartitionMetadata(name).length ?? owned);
    },
    async close() {
      closing = true;
      clearInterval(ticker);
      clearInterval(ends);
      lag.close();
      for (const { topic, partition } of assigned.all()) consumer.pause([{ topic, partitions: [partition] }]);
      await within(CLOSE_MS.handlers, Promise.allSettled([...watchdog.atWork, placing]));
      await within(CLOSE_MS.commit, commits.finish());
      assigned.loseAll();
      await within(CLOSE_MS.leave, consumer.disconnect());
    },
  };
}

/** Waits for the work to end, well or not, but no longer than this. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  const late = delay(ms, undefined, { signal: timer.signal, ref: false });
  await Promise.race([work, late]).catch(() => undefined);
  timer.abort();
  late.catch(() => undefined);
}
