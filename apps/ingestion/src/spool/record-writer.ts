import { setTimeout as sleep } from 'node:timers/promises';
import { MissingTopicError, type OutgoingRecord, RefusedError, type VerifiedProducer } from '@talaria/kafka';
import {
  deadLetter,
  type Drain,
  drainSegment,
  encodeRecord,
  isRefused,
  NotSpooledError,
  openSegment,
  type OpenSegment,
  type Segment,
  spooledItems,
  spoolFailures,
} from '@talaria/spool';

export type RecordWriterOptions = Omit<Drain, 'producer'> & {
  /** Connects to Kafka; is called again until it succeeds. */
  readonly connect: () => Promise<VerifiedProducer>;
  /** How long Kafka may take before its records go to the spool. */
  readonly budgetMs: number;
  /** Called when it cannot go on. */
  readonly onFatal: (error: Error) => void;
};

type Outstanding = {
  readonly record: OutgoingRecord;
  readonly bytes: number;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

/** Beyond it Kafka is too slow for what comes in. */
const MAX_OUTSTANDING_BYTES = 32 * 1024 * 1024;
/** So little is drained in the time that a request may wait. */
const HAND_OVER_BYTES = 1024 * 1024;
const SWEEP_MS = 25;
const CONNECT_AGAIN_MS = 1000;
/** Whoever has to wait longer for Kafka takes webhooks without it. */
const STARTS_WITHIN_MS = 5000;
/** The pause after a drain that failed, doubled for each further one that brought nothing. */
const DRAIN_AGAIN_MS = { first: 500, last: 30_000 };
/** Nothing that the drainer waits for takes so long while Kafka answers. */
const STALLED_MS = 120_000;
/** How long a failure of the spool counts against being ready. */
const FAILURE_COUNTS_MS = 5000;

/**
 * Writes records to Kafka, or, when Kafka does not take them in time, to the spool; "written" is true either way. It is always in one of three states:
 *
 * - `direct`: records go to Kafka. As soon as one is not confirmed within the budget, everything that is not confirmed goes to the spool, in the order of
 *   the calls.
 * - `spooling`: records go to the spool at once, and nobody waits for Kafka. Meanwhile the oldest segment is being sent, for as long as it takes.
 * - `handing-over`: Kafka takes records again and little is left in the spool. New records wait, for milliseconds, until it is empty; then they go
 *   to Kafka, in the order of the calls. If that takes longer than the budget, they go to the spool.
 *
 * So records of one key reach Kafka in the order of the calls. A record may reach it twice: when it was on its way as it was given up, and when the
 * process ends in the middle of a segment.
 */
export class RecordWriter {
  private state: 'direct' | 'spooling' | 'handing-over' = 'spooling';
  /** What the callers of `direct` and `handing-over` wait for, oldest first. */
  private readonly outstanding = new Set<Outstanding>();
  private outstandingBytes = 0;
  private drainer: Drain | undefined;
  private draining: Promise<void> | undefined;
  private drainedAt = performance.now();
  private startingUntil = performance.now() + STARTS_WITHIN_MS;
  private failedAt = -Infinity;
  private readonly closing = new AbortController();
  private readonly sweep = setInterval(() => this.checkBudget(performance.now()), SWEEP_MS).unref();

  constructor(private readonly options: RecordWriterOptions) {}

  /** Begins to connect, and to drain what an earlier process left in the spool; until then records go behind that. */
  start(): void {
    this.draining = this.drain().catch((error: unknown) => {
      if (!this.closed) this.options.onFatal(error as Error);
    });
  }

  /**
   * Resolves with where the record is: confirmed by all in-sync replicas, or synced to the disk.
   * @throws {NotSpooledError} when neither took it. It may be written all the same.
   */
  write(record: OutgoingRecord): Promise<void> {
    if (this.state === 'spooling') return this.spoolRecord(record);
    const bytes = record.value?.length ?? 0;
    if (this.outstandingBytes + bytes > MAX_OUTSTANDING_BYTES) {
      this.turnToSpool('more waits for Kafka than the memory may hold');
      return this.spoolRecord(record);
    }
    return new Promise((resolve, reject) => {
      const one = { record, bytes, since: performance.now(), resolve, reject };
      this.outstanding.add(one);
      this.outstandingBytes += bytes;
      if (this.state === 'direct') this.send(one);
    });
  }

  /**
   * For start-up: why it is not known yet whether Kafka takes webhooks; for some seconds at most. One that went to the spool meanwhile would
   * be behind a later one that another process has written.
   */
  starting(): string | undefined {
    return performance.now() < this.startingUntil ? 'connects to Kafka' : undefined;
  }

  /** Why webhooks can be taken neither by Kafka nor by the spool; undefined when they can. */
  fault(): string | undefined {
    const failed = performance.now() - this.failedAt < FAILURE_COUNTS_MS;
    return failed ? 'Kafka is away and the spool is full or not writable' : undefined;
  }

  /** For liveness: why the spool is not drained, though Kafka answers. */
  stalled(): string | undefined {
    if (this.state === 'direct' || this.drainer?.producer.fault() !== undefined) return undefined;
    const isLate = performance.now() - this.drainedAt > STALLED_MS;
    return isLate ? `the spool has not been drained for ${STALLED_MS / 1000} s` : undefined;
  }

  /** What is not confirmed goes to the spool; what is in the spool stays there for the next process. */
  async close(): Promise<void> {
    this.closing.abort();
    clearInterval(this.sweep);
    if (this.outstanding.size > 0) this.turnToSpool('stopping');
    await this.drainer?.producer.close();
    if (this.drainer !== undefined) await this.draining;
    await this.options.spool.close();
  }

  private get closed(): boolean {
    return this.closing.signal.aborted;
  }

  private send(one: Outstanding): void {
    this.drainer?.producer.send(one.record).then(
      () => {
        this.failedAt = -Infinity;
        if (this.take(one)) one.resolve();
      },
      (error: unknown) => this.notWritten(one, error),
    );
  }

  /** @returns false when it was answered, or went to the spool, meanwhile */
  private take(one: Outstanding): boolean {
    if (!this.outstanding.delete(one)) return false;
    this.outstandingBytes -= one.bytes;
    return true;
  }

  private notWritten(one: Outstanding, error: unknown): void {
    if (!this.outstanding.has(one)) return;
    if (isRefused(error) && this.drainer !== undefined) {
      this.take(one);
      deadLetter(this.drainer, one.record, error).then(() => {
        one.resolve();
        // Kafka did not take the letter in time either: it waits in the spool.
        if (this.state === 'direct' && !this.options.spool.isEmpty) this.turnToSpool('a dead letter waits');
      }, one.reject);
    } else {
      this.turnToSpool(error instanceof Error ? error.message : 'unknown fault');
    }
  }

  private checkBudget(now: number): void {
    const [oldest] = this.outstanding;
    if (oldest !== undefined && now - oldest.since > this.options.budgetMs) {
      this.turnToSpool(this.drainer?.producer.fault() ?? 'slow');
    }
  }

  private turnToSpool(reason: string): void {
    const { logger } = this.options;
    logger.warn(
      { reason, items: this.outstanding.size },
      'Kafka does not take webhooks: they go to the spool',
    );
    const wasDirect = this.state === 'direct';
    this.state = 'spooling';
    const waiting = [...this.outstanding];
    this.outstanding.clear();
    this.outstandingBytes = 0;
    for (const { record, resolve, reject } of waiting) this.spoolRecord(record).then(resolve, reject);
    if (wasDirect) this.drainer?.producer.giveUp();
    if (!this.closed && this.draining === undefined) this.start();
  }

  private async spoolRecord(record: OutgoingRecord): Promise<void> {
    try {
      await this.options.spool.append(encodeRecord(record));
      spooledItems.inc({ event: 'spooled' });
    } catch (error) {
      this.failedAt = performance.now();
      if (error instanceof NotSpooledError) spoolFailures.inc({ reason: error.reason });
      throw error;
    }
  }

  /** Sends what is in the spool, oldest first, until there is nothing in it; then records go to Kafka again. */
  private async drain(): Promise<void> {
    const { spool } = this.options;
    const drainer = (this.drainer ??= { ...this.options, producer: await this.connect() });
    if (this.closed) await drainer.producer.close();
    let isTaking = false;
    while (!this.closed && this.state !== 'direct') {
      this.drainedAt = performance.now();
      if ((isTaking || spool.isEmpty) && spool.bytes <= HAND_OVER_BYTES) this.state = 'handing-over';
      if (spool.segments.length === 0) await spool.seal();
      const [segment] = spool.segments;
      if (segment !== undefined) {
        await this.drainOldest(drainer, segment);
        isTaking = true;
      } else if (this.state === 'handing-over' && spool.isEmpty) this.goDirect();
    }
  }

  /** Drains a segment for as long as it takes. A disk that cannot be read must not end the process: it still takes webhooks. */
  private async drainOldest(drainer: Drain, segment: Segment): Promise<void> {
    const { spool } = this.options;
    let open: OpenSegment | undefined;
    let againMs = DRAIN_AGAIN_MS.first;
    while (!this.closed && spool.segments[0] === segment) {
      this.drainedAt = performance.now();
      const before = open?.left.length;
      try {
        open ??= await openSegment(spool, segment);
        await drainSegment(drainer, open);
      } catch (error) {
        const isProgress = before !== undefined && open !== undefined && open.left.length < before;
        if (isProgress) againMs = DRAIN_AGAIN_MS.first;
        this.tellNotDrained(error, { segment: segment.name, left: open?.left.length, againMs });
        await sleep(againMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
        againMs = Math.min(2 * againMs, DRAIN_AGAIN_MS.last);
      }
    }
  }

  private tellNotDrained(error: unknown, about: object): void {
    if (this.closed) return;
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    this.options.logger.error({ ...about, reason }, 'the spool cannot be drained');
  }

  private goDirect(): void {
    this.state = 'direct';
    this.startingUntil = -Infinity;
    this.draining = undefined;
    this.options.logger.info('webhooks go to Kafka');
    for (const one of this.outstanding) this.send(one);
  }

  private async connect(): Promise<VerifiedProducer> {
    for (;;) {
      this.drainedAt = performance.now();
      try {
        return await this.options.connect();
      } catch (error) {
        if (isForPeople(error) || this.closed) throw error;
        this.startingUntil = -Infinity;
        this.options.logger.warn({ reason: (error as Error).name }, 'no Kafka yet: webhooks go to the spool');
      }
      await sleep(CONNECT_AGAIN_MS, undefined, { ref: false });
    }
  }
}

/** It does not pass by itself: a start that fails is noticed, and in a rollout the processes of before go on. */
function isForPeople(error: unknown): boolean {
  return error instanceof MissingTopicError || error instanceof RefusedError;
}
