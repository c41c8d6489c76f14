import { setTimeout as delay } from 'node:timers/promises';
import { type Logger } from '@talaria/observability';
import { type Consumer, type EachBatchPayload } from 'kafkajs';
import { coPartitioningAssigner } from './co-partitioning-assigner';
import { createKafka } from './create-kafka';
import { readRecord, type KafkaRecord } from './kafka-record';
import { OffsetWindow } from './offset-window';
import { type KafkaConfig } from './settings';

/** Records of one partition, in order. */
export type RecordBatch = {
  /** Without the prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly KafkaRecord[];
  /** The offset after the last record of the partition. */
  readonly highWatermark: number;
  /** Aborted when the partition goes to another member or the consumer closes: drop what has not begun. */
  readonly lost: AbortSignal;
  /** Marks one record as finished, in any order. Only what lies below the first unfinished one is ever committed. */
  done(offset: number): void;
};

/**
 * What a handler took: all, or the first `taken` records; the rest comes again once `resume` has settled (the partition is paused
 * until then, others go on).
 */
export type Taken = { readonly taken: number; readonly resume: Promise<unknown> };

/**
 * Must return fast: a held batch stops every partition led by the same broker. When it throws, nothing of the batch counts as
 * taken, and it comes again after a pause that grows to 30 s; it never gives a record up, that is the handler's decision.
 */
export type BatchHandler = (batch: RecordBatch) => Promise<Taken | undefined>;

export type GroupConsumer = {
  /** Why it makes no progress by itself; undefined when it does. */
  fault(): string | undefined;
  /** Whether it is a member of its group. */
  joined(): boolean;
  /** Stops fetching, waits for handlers, commits, leaves the group. */
  close(): Promise<void>;
};

const COMMIT_MS = 500;
const COMMIT_DEADLINE_MS = 5000;
/** Longer than any broker failover that a consumer survives by itself. */
const STALLED_MS = 120_000;
const MAX_PAUSE_MS = 30_000;
const CLOSE_MS = 5000;

type Assigned = {
  readonly window: OffsetWindow;
  readonly lost: AbortController;
  committed: number | undefined;
  paused: boolean;
  failures: number;
};

/**
 * One member of a consumer group over the given topics. Partition i of every topic goes to the same member. Offsets are committed
 * twice a second and at the end, never beyond the first record that is not done.
 * @param options.handlers by topic, without the prefix
 * @param options.onFatal the consumer has stopped for good: the process must end
 */
export async function startConsumer(options: {
  readonly config: KafkaConfig;
  readonly groupId: string;
  readonly handlers: ReadonlyMap<string, BatchHandler>;
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
}): Promise<GroupConsumer> {
  const { config, handlers, logger, onFatal } = options;
  const groupId = config.KAFKA_PREFIX + options.groupId;
  const assigned = new Map<string, Assigned>();
  const running = new Set<Promise<void>>();
  let lastProgress = Date.now();
  let isJoined = false;
  let closing = false;
  let committing: Promise<void> | undefined;

  const consumer = createKafka(config, options.groupId, logger).consumer({
    groupId,
    partitionAssigners: [coPartitioningAssigner],
    sessionTimeout: config.KAFKA_SESSION_TIMEOUT,
    heartbeatInterval: 1000,
    rebalanceTimeout: 60_000,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 512 * 1024,
    maxBytes: 8 * 1024 * 1024,
    metadataMaxAge: 60_000,
    allowAutoTopicCreation: false,
    retry: { retries: 40, initialRetryTime: 100, maxRetryTime: 1000 },
  });
  watch(consumer);
  await consumer.connect();
  const topics = [...handlers.keys()].map((topic) => config.KAFKA_PREFIX + topic);
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 12,
    eachBatch: (payload) => {
      const work = handle(payload).finally(() => running.delete(work));
      running.add(work);
      return work;
    },
  });
  const committer = setInterval(() => void commit(), COMMIT_MS);

  function watch(watched: Consumer): void {
    const { events } = watched;
    const progress = () => {
      lastProgress = Date.now();
    };
    watched.on(events.HEARTBEAT, progress);
    watched.on(events.FETCH, progress);
    watched.on(events.GROUP_JOIN, ({ payload }) => {
      progress();
      isJoined = true;
      assign(payload.memberAssignment);
    });
    watched.on(events.CRASH, ({ payload }) => {
      isJoined = false;
      logger.error({ reason: payload.error.name, restart: payload.restart }, 'the consumer crashed');
      if (!payload.restart && !closing) onFatal(payload.error);
    });
  }

  /** Runs inside the join, before anything of the new assignment is fetched. What we keep goes on where it is. */
  function assign(assignment: Readonly<Record<string, readonly number[]>>): void {
    const now = new Set(
      Object.entries(assignment).flatMap(([topic, all]) => all.map((one) => idOf(topic, one))),
    );
    for (const [id, { lost }] of assigned) {
      if (now.has(id)) continue;
      lost.abort();
      assigned.delete(id);
    }
    for (const id of now) {
      if (!assigned.has(id)) {
        assigned.set(id, {
          window: new OffsetWindow(),
          lost: new AbortController(),
          committed: undefined,
          paused: false,
          failures: 0,
        });
      }
    }
    // kafkajs remembers what was paused in an earlier assignment.
    const forgotten = consumer
      .paused()
      .flatMap(({ topic, partitions }) =>
        partitions
          .filter((one) => assigned.get(idOf(topic, one))?.paused !== true)
          .map((one) => ({ topic, partitions: [one] })),
      );
    if (forgotten.length > 0) consumer.resume(forgotten);
    logger.info({ partitions: now.size }, 'joined the consumer group');
  }

  async function handle(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { topic, partition } = batch;
    const state = assigned.get(idOf(topic, partition));
    const handler = handlers.get(topic.slice(config.KAFKA_PREFIX.length));
    const last = batch.messages.at(-1);
    if (state === undefined || handler === undefined || last === undefined || closing || payload.isStale())
      return;

    const name = topic.slice(config.KAFKA_PREFIX.length);
    const records = batch.messages
      .filter(({ offset }) => !state.window.knows(Number(offset)))
      .map((message) => readRecord(name, partition, message));
    const { taken, resume } = await offer(state, handler, {
      topic: name,
      partition,
      records,
      highWatermark: Number(batch.highWatermark),
      lost: state.lost.signal,
      done: (offset) => state.window.done(offset),
    });
    if (state.lost.signal.aborted) return;
    const rest = records[taken]?.offset;
    const lastTaken = batch.messages.findLast(({ offset }) => rest === undefined || Number(offset) < rest);
    if (lastTaken !== undefined) payload.resolveOffset(lastTaken.offset);
    if (rest !== undefined) pauseUntil(topic, partition, state, resume);
  }

  async function offer(state: Assigned, handler: BatchHandler, batch: RecordBatch): Promise<Taken> {
    const all = { taken: batch.records.length, resume: Promise.resolve() };
    if (batch.records.length === 0) return all;
    for (const { offset } of batch.records) state.window.deliver(offset);
    try {
      const result = (await handler(batch)) ?? all;
      state.failures = 0;
      const rest = batch.records[result.taken];
      if (rest !== undefined) state.window.retract(rest.offset);
      return result;
    } catch (error) {
      const pauseMs = Math.min(1000 * 2 ** state.failures++, MAX_PAUSE_MS);
      const { topic, partition } = batch;
      logger.error({ err: error, topic, partition, pauseMs }, 'a batch failed and will come again');
      state.window.retract(batch.records[0]?.offset ?? 0);
      return { taken: 0, resume: delay(pauseMs) };
    }
  }

  function pauseUntil(topic: string, partition: number, state: Assigned, resume: Promise<unknown>): void {
    state.paused = true;
    consumer.pause([{ topic, partitions: [partition] }]);
    const goOn = () => {
      state.paused = false;
      if (assigned.get(idOf(topic, partition)) === state && !closing)
        consumer.resume([{ topic, partitions: [partition] }]);
    };
    resume.then(goOn, goOn);
  }

  /** One commit at a time, of what is assigned now: a commit for a lost partition would be accepted and could undo another member's. */
  async function commit(): Promise<void> {
    await committing;
    const due = [...assigned].flatMap(([id, state]) => {
      const { floor } = state.window;
      return floor === undefined || floor === state.committed ? [] : [{ id, state, floor }];
    });
    if (due.length === 0 || !isJoined) return;
    committing = withDeadline(
      consumer.commitOffsets(due.map(({ id, floor }) => ({ ...partsOf(id), offset: String(floor) }))),
      COMMIT_DEADLINE_MS,
    ).then(
      () => {
        for (const { state, floor } of due) state.committed = floor;
      },
      (error: unknown) =>
        logger.warn({ reason: error instanceof Error ? error.name : 'unknown' }, 'offsets not committed yet'),
    );
    await committing;
    committing = undefined;
  }

  return {
    fault: () =>
      Date.now() - lastProgress > STALLED_MS ? `no heartbeat or fetch for ${STALLED_MS / 1000} s` : undefined,
    joined: () => isJoined,
    async close() {
      closing = true;
      clearInterval(committer);
      consumer.pause(
        [...assigned.keys()]
          .map((id) => partsOf(id))
          .map(({ topic, partition }) => ({ topic, partitions: [partition] })),
      );
      await withDeadline(Promise.allSettled([...running]), CLOSE_MS).catch(() => undefined);
      await commit();
      for (const { lost } of assigned.values()) lost.abort();
      await withDeadline(consumer.disconnect(), CLOSE_MS).catch(() => undefined);
    },
  };
}

function idOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function partsOf(id: string): { topic: string; partition: number } {
  const slash = id.lastIndexOf('/');
  return { topic: id.slice(0, slash), partition: Number(id.slice(slash + 1)) };
}

async function withDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  const timer = new AbortController();
  const late = delay(ms, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw new Error(`not finished within ${ms} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}
