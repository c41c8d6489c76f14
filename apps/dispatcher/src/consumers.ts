import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Inject } from '@nestjs/common';
import { headers, parseSendMessage, retryTiers, topics } from '@talaria/contracts';
import { type KafkaRecord, type RecordBatch, type Taken } from '@talaria/kafka';
import { OnBatch } from '@talaria/kafka/transport';
import { type Logger } from '@talaria/observability';
import { type Arrival, type Backlog } from './backlog/backlog';
import { commandsSeen } from './dispatch/dispatch.metrics';
import { type Outlet } from './dispatch/outlet';
import { refuse } from './dispatch/refuse';
import { rightPartition } from './dispatch/right-partition';
import { heldUntil } from './retry/retry-delay';
import { BACKLOG, LOGGER, OUTLET } from './tokens';

const AFTER_FAULT_MS = 1000;
/** How often at most it is logged that publishers use another partitioner. */
const REMIND_MS = 60_000;

/** A record that lies in another partition than its WABA's. */
type Stray = { readonly record: KafkaRecord; readonly right: number };

/**
 * Hands commands to their lanes, or parks them, and returns: a partition waits only while the database or the brokers do not answer, or while
 * its head is not due.
 */
@Controller()
export class Consumers {
  private remindAt = 0;

  constructor(
    @Inject(BACKLOG) private readonly backlog: Backlog,
    @Inject(OUTLET) private readonly outlet: Outlet,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @OnBatch(topics.outbound)
  outbound(batch: RecordBatch): Promise<Taken> {
    return this.take(batch);
  }

  @OnBatch(topics.outboundRetry30s)
  retry30s(batch: RecordBatch): Promise<Taken> {
    return this.take(batch);
  }

  @OnBatch(topics.outboundRetry5m)
  retry5m(batch: RecordBatch): Promise<Taken> {
    return this.take(batch);
  }

  @OnBatch(topics.outboundRetry1h)
  retry1h(batch: RecordBatch): Promise<Taken> {
    return this.take(batch);
  }

  private async take(batch: RecordBatch): Promise<Taken> {
    const room = this.backlog.room(batch.partition);
    if (room !== undefined) return { taken: 0, resume: room };
    let taken = 0;
    let [arrivals, strays]: [Arrival[], Stray[]] = [[], []];
    /** @param next the offset after the last record that was looked at */
    const handOver = async (next: number) => {
      const failed = await this.forwardAll(batch, strays);
      const until = failed?.record.offset ?? next;
      const before = arrivals.filter(({ record }) => record.offset < until);
      await this.backlog.take(batch, before, until);
      const reached = batch.records.findIndex(({ offset }) => offset >= until);
      taken = reached < 0 ? batch.records.length : reached;
      if (failed !== undefined) throw failed.error;
      [arrivals, strays] = [[], []];
    };
    try {
      for (const [index, record] of batch.records.entries()) {
        const due = dueAt(record);
        const held = due - Date.now() > 0 ? heldUntil(due, record.timestamp, tierDelayOf(batch.topic)) : 0;
        const waitMs = held - Date.now();
        if (waitMs > 0) {
          await handOver(record.offset);
          return { taken, resume: sleep(waitMs, batch.lost) };
        }
        const parsed = due > Date.now() ? undefined : parseSendMessage(record.value);
        if (parsed?.ok) {
          const { command } = parsed;
          const right = rightPartition(record, command, this.outlet.ownerPartition);
          if (right === undefined) {
            commandsSeen.inc({ result: 'queued' });
            arrivals.push({ command, record });
          } else strays.push({ record, right });
          continue;
        }
        // What came before it first, so that a failure leaves one place from which everything comes again.
        await handOver(record.offset);
        const { outlet, logger } = this;
        await (parsed === undefined
          ? outlet.moveOn(record, due)
          : refuse({ outlet, logger }, record, parsed));
        batch.done(record.offset);
        taken = index + 1;
      }
      await handOver(batch.next);
      return { taken, resume: Promise.resolve() };
    } catch (error) {
      const { topic, partition } = batch;
      this.logger.error({ err: error, topic, partition }, 'records could not be handed over yet');
      return { taken, resume: sleep(AFTER_FAULT_MS, batch.lost) };
    }
  }

  /**
   * All together, which keeps their order.
   * @returns the first that could not be forwarded yet
   */
  private async forwardAll(
    batch: RecordBatch,
    strays: readonly Stray[],
  ): Promise<(Stray & { readonly error: unknown }) | undefined> {
    const results = await Promise.allSettled(
      strays.map(async ({ record, right }) => {
        await this.outlet.forward(record, right);
        batch.done(record.offset);
        commandsSeen.inc({ result: 'rekeyed' });
      }),
    );
    this.remind(strays);
    const at = results.findIndex(({ status }) => status === 'rejected');
    const [stray, result] = [strays[at], results[at]];
    return stray && result?.status === 'rejected' ? { ...stray, error: result.reason as unknown } : undefined;
  }

  private remind([stray]: readonly Stray[]): void {
    if (stray === undefined || performance.now() < this.remindAt) return;
    this.remindAt = performance.now() + REMIND_MS;
    const { topic, partition, offset } = stray.record;
    this.logger.warn(
      { topic, partition, offset, right: stray.right },
      "commands lie in another partition than their WABA's and are forwarded: a publisher has another partitioner than Kafka's Java client, or another key than the WABA id",
    );
  }
}

/** Only a retry topic holds records back: on the main topic the header would let anybody stop a partition. What is not a time within a day counts as due. */
function dueAt({ topic, headers: found }: KafkaRecord): number {
  const due = topic === topics.outbound.name ? 0 : Number(found[headers.dueAt] ?? 0);
  return due <= Date.now() + 86_400_000 ? due : 0;
}

function tierDelayOf(topicName: string): number {
  return retryTiers.find(({ topic }) => topic.name === topicName)?.delayMs ?? 0;
}

/** Ends early when the partition is lost. */
async function sleep(ms: number, lost: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: lost, ref: false }).catch(() => undefined);
}
