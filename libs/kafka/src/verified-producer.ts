import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, sendInSpan } from '@talaria/observability';
import { context } from '@opentelemetry/api';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import { countPartitions } from './count-partitions';
import { partitionOf } from './partition-of';
import { connectProduceClient, type PartitionOutcome, type ProduceClient } from './produce-client';
import { adviceOn } from './refusals';
import { type KafkaConfig } from './settings';
import {
  BATCH_RECORDS,
  isBusy,
  newShard,
  putBack,
  type Shard,
  takeBatch,
  type Waiting,
  type Written,
} from './shard';
import { faultOf, isMisled, isRefused, needsNewClient, NotWrittenError } from './write-faults';

export { NotWrittenError } from './write-faults';

export type OutgoingRecord = {
  /** Without the prefix. */
  readonly topic: string;
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: Kafka's own choice for the key. */
  readonly partition?: number;
};

/**
 * Writes records so that "written" is true. kafkajs 2.2.4's own producer can report success for records that no broker has (a send over
 * several brokers while leaders move; a corrupted broker map), and its idempotent mode can lose them. So: a request goes to one broker and names the
 * partitions that this one leads; one request is under way for each broker, and so one batch for each partition; the answer is checked
 * partition by partition against what was sent; and a gap or a request that was not answered in time means new connections and the same records again.
 * Records may so be written twice; whoever reads them tells repeats apart.
 */
export type VerifiedProducer = {
  /**
   * Resolves when the brokers have it (acks=all). Records of one partition are written in the order of the calls, but for those that are
   * given up. What waits leaves together as soon as the request before it is back; a lone record leaves at once.
   * @param options.timeoutMs after it the record is given up if it was not sent yet; one that is under way may still be written. Default: never
   * @throws {NotWrittenError} when it was given up, can never be written, or nothing more may be buffered
   */
  readonly send: (record: OutgoingRecord, options?: { readonly timeoutMs?: number }) => Promise<Written>;
  /** The partition that a record with this key goes to by Kafka's own choice. */
  readonly partitionFor: (topic: string, key: string | Buffer) => number;
  /**
   * Refuses everything that is not confirmed, at once, so that its callers can keep it elsewhere; none of it is sent again. What is under
   * way may still be written. A record that is sent later is behind it in its partition, unless the request was not answered in time: a broker
   * that was frozen may write it when it wakes, over a connection that we have left, behind what came over the new one.
   */
  readonly giveUp: () => void;
  /** Why records are not being written at the moment; undefined when they are. What a person has to end is told by `adviceOn`. */
  readonly fault: () => string | undefined;
  /** Waits up to 1.5 s for what is under way and refuses the rest, so that every caller is answered; then disconnects. */
  readonly close: () => Promise<void>;
};

export type VerifiedProducerOptions = {
  readonly config: KafkaConfig;
  readonly clientId: string;
  /** Without the prefix; the only ones that may be sent to. */
  readonly topics: readonly string[];
  readonly logger: Logger;
  /** Above it `send` refuses at once. */
  readonly maxBufferedBytes?: number;
};

/** What one request holds at most, beyond a batch. */
const REQUEST_BYTES = 4 * 1024 * 1024;
/** How exactly a caller's timeout is kept. */
const SWEEP_MS = 50;
/** So old may be what we know of the cluster. */
const REFRESH_MS = 60_000;
const CLOSE_SENDING_MS = 1500;
const RETRY_MS = [50, 100, 200, 500, 1000];
/** Kafka's number for it. */
const LEADER_NOT_AVAILABLE = 5;
/** So often in a row that who we take for the leader says it is none: our map of the cluster is wrong, whatever the cluster answers. */
const MISLED_AFTER = 5;

/**
 * Connects and learns how many partitions each topic has.
 * @throws {MissingTopicError} when a topic does not exist, {RefusedError} when Kafka does not let us in or see one; otherwise when no broker answers
 */
export async function createVerifiedProducer(options: VerifiedProducerOptions): Promise<VerifiedProducer> {
  const producer = await openProducer(options);
  return {
    send: (record, { timeoutMs = Infinity } = {}) => producer.send(record, timeoutMs),
    partitionFor: (topic, key) => partitionOf(key, producer.countPartitions(topic)),
    giveUp: () => producer.giveUp(() => true, 'given-up'),
    fault: () => producer.currentFault(),
    close: () => producer.close(),
  };
}

async function openProducer(options: VerifiedProducerOptions): Promise<Producer> {
  const client = await connect(options);
  try {
    return new Producer(
      options,
      countPartitions(client, options.topics, options.config.KAFKA_PREFIX),
      client,
    );
  } catch (error) {
    client.retire();
    throw error;
  }
}

function connect({ config, clientId, topics, logger }: VerifiedProducerOptions): Promise<ProduceClient> {
  return connectProduceClient(
    config,
    clientId,
    topics.map((topic) => config.KAFKA_PREFIX + topic),
    logger,
  );
}

class Producer {
  private readonly shards = new Map<string, Shard>();
  /** Nodes that a request is under way to. */
  private readonly busyLeaders = new Set<number>();
  private isPumping = false;
  private waking: NodeJS.Timeout | undefined;
  private replacing: Promise<void> | undefined;
  private refreshing: Promise<void> | undefined;
  private buffered = 0;
  private closed = false;
  private fault: string | undefined;
  private readonly sweep = setInterval(() => {
    const now = performance.now();
    this.giveUp(({ expiresAt }) => expiresAt <= now, 'timeout');
  }, SWEEP_MS).unref();
  private readonly watch = setInterval(() => this.refreshSoon(), REFRESH_MS).unref();

  constructor(
    private readonly options: VerifiedProducerOptions,
    private readonly partitions: ReadonlyMap<string, number>,
    private client: ProduceClient,
  ) {}

  /** A record that has a trace keeps it: it is passed on, and its sending is no step of a story of its own. */
  async send(record: OutgoingRecord, timeoutMs: number): Promise<Written> {
    if (record.headers?.traceparent !== undefined) return this.queue(record, record.headers, timeoutMs);
    return sendInSpan(record.topic, context.active(), (traced) =>
      this.queue(record, Object.assign({}, traced, record.headers), timeoutMs),
    );
  }

  private async queue(
    record: OutgoingRecord,
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<Written> {
    const key = bytesOf(record.key);
    const value = bytesOf(record.value);
    const partition = this.choosePartition(record, key);
    const bytes = (key?.length ?? 0) + (value?.length ?? 0) + sizeOf(headers);
    if (this.closed) throw new NotWrittenError('closed', 'the producer is closed');
    const { maxBufferedBytes = 64 * 1024 * 1024 } = this.options;
    if (this.buffered + bytes > maxBufferedBytes)
      throw new NotWrittenError('full', `${this.buffered} bytes wait to be written already`);
    return new Promise((resolve, reject) => {
      this.buffered += bytes;
      const expiresAt = performance.now() + timeoutMs;
      const encodable = { key, value, headers };
      const waiting = { record: encodable, bytes, expiresAt, answered: false, resolve, reject };
      this.shardOf(record.topic, partition).queue.push(waiting);
      this.pumpSoon();
    });
  }

  currentFault(): string | undefined {
    return this.isBusy() ? this.fault : undefined;
  }

  giveUp(which: (one: Waiting) => boolean, reason: 'timeout' | 'given-up' | 'closed'): void {
    for (const shard of this.shards.values()) {
      const late = [shard.sending, shard.queue].flatMap((some) => some.filter(which));
      if (late.length === 0) continue;
      const why = `the brokers did not confirm it in time (${this.fault ?? 'slow'})`;
      for (const one of late) this.answer(one, () => one.reject(new NotWrittenError(reason, why)));
      shard.queue = shard.queue.filter(({ answered }) => !answered);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    const deadline = performance.now() + CLOSE_SENDING_MS;
    while (this.isBusy() && performance.now() < deadline) await sleep(10);
    clearInterval(this.sweep);
    clearInterval(this.watch);
    clearTimeout(this.waking);
    this.giveUp(() => true, 'closed');
    this.client.retire();
  }

  countPartitions(topic: string): number {
    const count = this.partitions.get(topic);
    if (count === undefined)
      throw new Error(
        `this producer was not made for topic ${topic}, only for ${this.options.topics.join(', ')}`,
      );
    return count;
  }

  private choosePartition({ topic, partition }: OutgoingRecord, key: Buffer | null): number {
    const count = this.countPartitions(topic);
    const chosen = partition ?? (key === null ? 0 : partitionOf(key, count));
    if (!Number.isInteger(chosen) || chosen < 0 || chosen >= count)
      throw new NotWrittenError('refused', `topic ${topic} has no partition ${chosen}, it has ${count}`);
    return chosen;
  }

  private shardOf(topic: string, partition: number): Shard {
    const id = `${topic}/${partition}`;
    let shard = this.shards.get(id);
    if (shard === undefined)
      this.shards.set(id, (shard = newShard(this.options.config.KAFKA_PREFIX + topic, partition)));
    return shard;
  }

  /** At the end of this turn of the event loop, so that records of the same turn leave together. */
  private pumpSoon(): void {
    if (this.isPumping) return;
    this.isPumping = true;
    setImmediate(() => {
      this.isPumping = false;
      this.pump();
    });
  }

  /** Sends a request to each broker that leads a partition with records and has none under way. */
  private pump(): void {
    const now = performance.now();
    const ready = new Map<number, Shard[]>();
    let wakeAt = Infinity;
    for (const shard of this.shards.values()) {
      if (shard.queue.length === 0 || shard.sending.length > 0) continue;
      if (shard.retryAt > now) {
        wakeAt = Math.min(wakeAt, shard.retryAt);
        continue;
      }
      const leader = this.client.leaderOf(shard.topic, shard.partition);
      if (leader === undefined)
        this.notWritten(
          shard,
          this.client.topicFault(shard.topic) ?? createErrorFromCode(LEADER_NOT_AVAILABLE),
        );
      else if (!this.busyLeaders.has(leader)) ready.set(leader, [...(ready.get(leader) ?? []), shard]);
    }
    for (const [leader, shards] of ready) void this.write(leader, shards);
    if (wakeAt === Infinity) return;
    clearTimeout(this.waking);
    this.waking = setTimeout(() => this.pumpSoon(), wakeAt - now);
  }

  private async write(leader: number, shards: Shard[]): Promise<void> {
    const { client } = this;
    const sent = takeBatches(shards);
    this.busyLeaders.add(leader);
    let outcomes: readonly PartitionOutcome[];
    try {
      const batches = sent.map(({ topic, partition, sending }) => ({
        topic,
        partition,
        records: sending.map(({ record }) => record),
      }));
      outcomes = await client.produce(leader, batches);
    } catch (error) {
      outcomes = sent.map(() => ({ error: error as Error }));
    }
    sent.forEach((shard, index) => this.settle(shard, outcomes[index]));
    if (sent.some((shard, index) => isBroken(shard, outcomes[index]))) await this.replace(client);
    this.busyLeaders.delete(leader);
    this.pumpSoon();
  }

  private settle(shard: Shard, outcome: PartitionOutcome | undefined): void {
    if (outcome === undefined || 'error' in outcome) {
      this.notWritten(shard, outcome?.error ?? new Error('no outcome'));
      return;
    }
    const { partition, sending } = shard;
    const topic = shard.topic.slice(this.options.config.KAFKA_PREFIX.length);
    shard.sending = [];
    shard.failures = 0;
    shard.limit = BATCH_RECORDS;
    this.fault = undefined;
    sending.forEach((one, index) =>
      this.answer(one, () => one.resolve({ topic, partition, offset: outcome.offset + index })),
    );
  }

  /** The batch is sent again, in front of what waits, and what was given up meanwhile is not. */
  private notWritten(shard: Shard, error: Error): void {
    const { sending } = shard;
    putBack(shard);
    if (isRefused(error)) {
      this.isolate(shard, sending, error);
      return;
    }
    shard.retryAt = performance.now() + (RETRY_MS[shard.failures] ?? 1000);
    shard.failures++;
    this.fault = faultOf(error);
    const { topic, partition } = shard;
    const said = { topic, partition, records: shard.queue.length, reason: this.fault };
    const advice = adviceOn(this.fault);
    if (advice === undefined) this.options.logger.warn(said, 'not written yet');
    else this.options.logger.error(said, `not written yet: ${advice}`);
    this.refreshSoon();
    this.pumpSoon();
  }

  /** One record that the broker refuses must not take the others of its batch with it: fewer leave together, until it is alone. */
  private isolate(shard: Shard, refused: readonly Waiting[], cause: Error): void {
    const [only] = refused;
    if (only === undefined || refused.length > 1) {
      shard.limit = Math.ceil(refused.length / 2);
      return;
    }
    shard.limit = BATCH_RECORDS;
    shard.queue = shard.queue.filter((one) => one !== only);
    const why = `the broker refuses this record: ${faultOf(cause)}`;
    this.answer(only, () => only.reject(new NotWrittenError('refused', why, { cause })));
  }

  /** Every caller hears once. */
  private answer(one: Waiting, tell: () => void): void {
    if (one.answered) return;
    one.answered = true;
    this.buffered -= one.bytes;
    tell();
  }

  private refreshSoon(): void {
    this.refreshing ??= this.refresh().finally(() => (this.refreshing = undefined));
  }

  private async refresh(): Promise<void> {
    const { client } = this;
    try {
      await client.refresh();
    } catch (error) {
      if (needsNewClient(error)) await this.replace(client);
    }
  }

  /** Several brokers' requests may find the same client broken: it is replaced once. */
  private async replace(broken: ProduceClient): Promise<void> {
    if (this.client !== broken || this.closed) return;
    this.replacing ??= this.connectFresh(broken).finally(() => (this.replacing = undefined));
    await this.replacing;
  }

  private async connectFresh(broken: ProduceClient): Promise<void> {
    const { logger } = this.options;
    logger.warn({ reason: this.fault }, 'the connections to Kafka are replaced');
    try {
      this.client = await connect(this.options);
      broken.retire();
      if (this.closed) this.client.retire();
    } catch (error) {
      logger.warn({ reason: faultOf(error) }, 'no new connections to Kafka yet');
    }
  }

  private isBusy(): boolean {
    for (const shard of this.shards.values()) if (isBusy(shard)) return true;
    return false;
  }
}

/** As many of them as fit into a request, each with its batch; first those that had their turn longest ago. */
function takeBatches(shards: Shard[]): Shard[] {
  const taken: Shard[] = [];
  const now = performance.now();
  let bytes = 0;
  for (const shard of shards.sort((a, b) => a.sentAt - b.sentAt)) {
    if (bytes >= REQUEST_BYTES) break;
    takeBatch(shard);
    shard.sentAt = now;
    taken.push(shard);
    bytes += shard.sending.reduce((sum, one) => sum + one.bytes, 0);
  }
  return taken;
}

/** Whether what became of the batch tells that the connections, or the map behind them, cannot be trusted. */
function isBroken({ failures }: Shard, outcome: PartitionOutcome | undefined): boolean {
  if (outcome === undefined || !('error' in outcome)) return false;
  return needsNewClient(outcome.error) || (isMisled(outcome.error) && failures % MISLED_AFTER === 0);
}

function bytesOf(part: string | Buffer | null): Buffer | null {
  return typeof part === 'string' ? Buffer.from(part) : part;
}

/** About what the headers of a record take, and the record itself. */
function sizeOf(headers: Readonly<Record<string, string>>): number {
  let size = 160;
  for (const name of Object.keys(headers)) size += name.length + (headers[name]?.length ?? 0) + 4;
  return size;
}
