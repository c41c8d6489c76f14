import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, traceHeaders } from '@talaria/observability';
import { type Message, type RecordMetadata } from 'kafkajs';
import { countPartitions } from './count-partitions';
import { partitionOf } from './partition-of';
import { connectProducer, type ProducerClient } from './producer-client';
import { type KafkaConfig } from './settings';
import { faultOf, GapError, isRefused, needsNewClient } from './write-faults';

export type OutgoingRecord = {
  /** Without the prefix. */
  readonly topic: string;
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: Kafka's own choice for the key. */
  readonly partition?: number;
};

export type Written = { readonly topic: string; readonly partition: number; readonly offset: number };

/**
 * Writes records so that "written" is true. kafkajs 2.2.4 can report success for records that no broker has (a send over several
 * brokers while leaders move; a corrupted broker map), and its idempotent mode can lose them. So: a send names one partition,
 * one send is under way for each partition, the broker's answer is checked against what was sent, and a gap or a request that timed out
 * means a new client and the same records again. Records may so be written twice; whoever reads them tells repeats apart.
 */
export type VerifiedProducer = {
  /**
   * Resolves when the brokers have it (acks=all). Records of one partition are written in the order of the calls. What waits
   * for a partition leaves together as soon as the send before it is back; a lone record leaves at once.
   * @param options.timeoutMs after it the record is given up if it was not sent yet; one that is under way may still be written. Default: never
   * @throws {NotWrittenError} when it was given up, can never be written, or nothing more may be buffered
   */
  readonly send: (record: OutgoingRecord, options?: { readonly timeoutMs?: number }) => Promise<Written>;
  /**
   * Refuses everything that is not confirmed, at once, so that its callers can keep it elsewhere; none of it is sent again. What is under
   * way may still be written: a record that is sent later is behind it in its partition all the same.
   */
  readonly giveUp: () => void;
  /** Why records are not being written at the moment; undefined when they are. */
  readonly fault: () => string | undefined;
  /** Waits up to 3 s for what is under way and refuses the rest, so that every caller is answered; then disconnects. */
  readonly close: () => Promise<void>;
};

export class NotWrittenError extends Error {
  constructor(
    readonly reason: 'timeout' | 'given-up' | 'refused' | 'full' | 'closed',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'NotWrittenError';
  }
}

type Waiting = {
  readonly message: Message;
  readonly bytes: number;
  readonly expiresAt: number;
  /** The caller has its answer; the record may still be under way. */
  answered: boolean;
  readonly resolve: (written: Written) => void;
  readonly reject: (error: NotWrittenError) => void;
};

/** One partition: what waits, and what the send under way holds. */
type Shard = {
  readonly topic: string;
  readonly partition: number;
  queue: Waiting[];
  sending: Waiting[];
  busy: boolean;
};

const BATCH_RECORDS = 500;
/** Half of the broker's default limit for one batch, so that no batch of ours is refused for its size. */
const BATCH_BYTES = 512 * 1024;
/** How exactly a caller's timeout is kept. */
const SWEEP_MS = 50;
const CLOSE_MS = { sending: 1500, disconnect: 1000 };
const RETRY_MS = [50, 100, 200, 500, 1000];

/**
 * Connects and learns how many partitions each topic has.
 * @param topics without the prefix; the only ones that may be sent to
 * @throws {MissingTopicError} when a topic does not exist; otherwise when no broker answers
 */
export async function createVerifiedProducer(options: {
  readonly config: KafkaConfig;
  readonly clientId: string;
  readonly topics: readonly string[];
  readonly logger: Logger;
  /** Above it `send` refuses at once. */
  readonly maxBufferedBytes?: number;
}): Promise<VerifiedProducer> {
  const { config, clientId, topics, logger, maxBufferedBytes = 64 * 1024 * 1024 } = options;
  const partitions = await countPartitions(options);
  const shards = new Map<string, Shard>();
  let client = await connectProducer(config, clientId, logger);
  let replacing: Promise<void> | undefined;
  let buffered = 0;
  let closed = false;
  let fault: string | undefined;

  async function enqueue(record: OutgoingRecord, timeoutMs: number): Promise<Written> {
    const { topic, key, value, headers } = record;
    const partition = choosePartition(record);
    const bytes = sizeOf(record);
    if (closed) throw new NotWrittenError('closed', 'the producer is closed');
    if (buffered + bytes > maxBufferedBytes)
      throw new NotWrittenError('full', `${buffered} bytes wait to be written already`);
    const shard = shardOf(topic, partition);
    const message = { partition, key, value, headers: { ...traceHeaders(), ...headers } };
    const expiresAt = performance.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      buffered += bytes;
      shard.queue.push({ message, bytes, expiresAt, answered: false, resolve, reject });
      if (!shard.busy) void drain(shard);
    });
  }

  /** For a partition that does not exist kafkajs would report success and write nothing. */
  function choosePartition({ topic, key, partition }: OutgoingRecord): number {
    const count = partitions.get(topic);
    if (count === undefined)
      throw new Error(`this producer was not made for topic ${topic}, only for ${topics.join(', ')}`);
    const chosen = partition ?? (key === null ? 0 : partitionOf(key, count));
    if (!Number.isInteger(chosen) || chosen < 0 || chosen >= count)
      throw new NotWrittenError('refused', `topic ${topic} has no partition ${chosen}, it has ${count}`);
    return chosen;
  }

  function shardOf(topic: string, partition: number): Shard {
    const id = `${topic}/${partition}`;
    let shard = shards.get(id);
    if (shard === undefined)
      shards.set(id, (shard = { topic, partition, queue: [], sending: [], busy: false }));
    return shard;
  }

  async function drain(shard: Shard): Promise<void> {
    shard.busy = true;
    // Lets records that come in the same turn of the event loop leave together.
    await Promise.resolve();
    while (shard.queue.length > 0) {
      shard.sending = takeBatch(shard);
      await write(shard, shard.sending);
      shard.sending = [];
    }
    shard.busy = false;
  }

  /** Writes the batch, or tells each of its callers why not. What was given up meanwhile is not sent again. */
  async function write(shard: Shard, batch: readonly Waiting[]): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const waiting = batch.filter(({ answered }) => !answered);
      if (waiting.length === 0) return;
      const used = client;
      try {
        const first = firstOffset(shard, await used.send(request(shard, waiting)));
        fault = undefined;
        const { topic, partition } = shard;
        waiting.forEach((one, index) =>
          answer(one, () => one.resolve({ topic, partition, offset: first + index })),
        );
        return;
      } catch (error) {
        if (isRefused(error)) return writeApart(shard, waiting, error);
        fault = faultOf(error);
        logger.warn(
          { topic: shard.topic, partition: shard.partition, records: waiting.length, reason: fault },
          'not written yet',
        );
        if (needsNewClient(error)) await replace(used);
        await sleep(RETRY_MS[attempt] ?? 1000);
      }
    }
  }

  /** One record that the broker refuses must not take the others of its batch with it. */
  async function writeApart(shard: Shard, batch: readonly Waiting[], cause: unknown): Promise<void> {
    const [only] = batch;
    if (only !== undefined && batch.length === 1) {
      const why = `the broker refuses this record: ${faultOf(cause)}`;
      answer(only, () => only.reject(new NotWrittenError('refused', why, { cause })));
      return;
    }
    const half = Math.ceil(batch.length / 2);
    await write(shard, batch.slice(0, half));
    await write(shard, batch.slice(half));
  }

  function request({ topic }: Shard, batch: readonly Waiting[]) {
    return {
      topic: config.KAFKA_PREFIX + topic,
      acks: -1,
      timeout: 3000,
      messages: batch.map(({ message }) => message),
    };
  }

  /** Every caller hears once. */
  function answer(one: Waiting, tell: () => void): void {
    if (one.answered) return;
    one.answered = true;
    buffered -= one.bytes;
    tell();
  }

  function giveUpLate(now: number): void {
    giveUp(({ expiresAt }) => expiresAt <= now, 'timeout');
  }

  function giveUp(which: (one: Waiting) => boolean, reason: 'timeout' | 'given-up' | 'closed'): void {
    for (const shard of shards.values()) {
      const late = [...shard.sending, ...shard.queue].filter(which);
      if (late.length === 0) continue;
      const why = `the brokers did not confirm it in time (${fault ?? 'slow'})`;
      for (const one of late) answer(one, () => one.reject(new NotWrittenError(reason, why)));
      shard.queue = shard.queue.filter(({ answered }) => !answered);
    }
  }

  /** Several partitions may find the same client broken: it is replaced once. */
  async function replace(broken: ProducerClient): Promise<void> {
    if (client !== broken || closed) return;
    replacing ??= connectFresh(broken).finally(() => (replacing = undefined));
    await replacing;
  }

  async function connectFresh(broken: ProducerClient): Promise<void> {
    logger.warn({ reason: fault }, 'the Kafka producer is replaced');
    try {
      client = await connectProducer(config, clientId, logger);
      void broken.retire();
      if (closed) void client.retire();
    } catch (error) {
      logger.warn({ reason: faultOf(error) }, 'no new Kafka producer yet');
    }
  }

  const isBusy = () => [...shards.values()].some(({ busy }) => busy);
  const sweep = setInterval(() => giveUpLate(performance.now()), SWEEP_MS).unref();

  return {
    send: (record, { timeoutMs = Infinity } = {}) => enqueue(record, timeoutMs),
    giveUp: () => giveUp(() => true, 'given-up'),
    fault: () => (isBusy() ? fault : undefined),
    close: async () => {
      closed = true;
      const deadline = performance.now() + CLOSE_MS.sending;
      while (isBusy() && performance.now() < deadline) await sleep(10);
      clearInterval(sweep);
      giveUp(() => true, 'closed');
      await Promise.race([client.retire(), sleep(CLOSE_MS.disconnect, undefined, { ref: false })]);
    },
  };
}

/** Takes from the queue what may leave in one batch. */
function takeBatch(shard: Shard): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const one of shard.queue) {
    if (count === BATCH_RECORDS || (count > 0 && bytes + one.bytes > BATCH_BYTES)) break;
    bytes += one.bytes;
    count++;
  }
  const batch = shard.queue.slice(0, count);
  shard.queue = shard.queue.slice(count);
  return batch;
}

/** The offset of the first record, if the broker's answer says that exactly this partition was written. */
function firstOffset(shard: Shard, answer: RecordMetadata[]): number {
  const own = answer.filter(({ partition }) => partition === shard.partition);
  const { errorCode, baseOffset } = own[0] ?? { errorCode: undefined, baseOffset: undefined };
  if (own.length !== 1 || answer.length !== 1 || errorCode !== 0 || baseOffset === undefined) {
    throw new GapError(`the answer does not confirm partition ${shard.partition}`);
  }
  return Number(baseOffset);
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  const length = (part: string | Buffer | null) => (part === null ? 0 : Buffer.byteLength(part));
  const head = Object.entries(headers ?? {}).reduce(
    (sum, [name, text]) => sum + length(name) + length(text) + 4,
    0,
  );
  return length(key) + length(value) + head + 160;
}
