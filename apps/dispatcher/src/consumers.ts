import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Inject } from '@nestjs/common';
import { headers, retryTiers, topics } from '@talaria/contracts';
import { type KafkaRecord, OnBatch, type RecordBatch, type Taken } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Arrival, type Backlog } from './backlog/backlog';
import { commandsSeen } from './dispatch/dispatch.metrics';
import { type Outlet } from './dispatch/outlet';
import { readCommand, refuse } from './dispatch/read-command';
import { heldUntil } from './retry/retry-delay';
import { BACKLOG, LOGGER, OUTLET } from './tokens';

const AFTER_FAULT_MS = 1000;

/**
 * Hands commands to their lanes, or parks them, and returns: a partition waits only while the database or the brokers do not answer, or while
 * its head is not due.
 */
@Controller()
export class Consumers {
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
    let taken = 0;
    let arrivals: Arrival[] = [];
    const handOver = async (count: number, next: number) => {
      await this.backlog.take(batch, arrivals, next);
      arrivals = [];
      taken = count;
    };
    try {
      for (const [index, record] of batch.records.entries()) {
        const due = dueAt(record);
        const held = due - Date.now() > 0 ? heldUntil(due, record.timestamp, tierDelayOf(batch.topic)) : 0;
        const waitMs = held - Date.now();
        if (waitMs > 0) {
          await handOver(index, record.offset);
          return { taken, resume: sleep(waitMs, batch.lost) };
        }
        const parsed = due > Date.now() ? undefined : readCommand(record);
        if (parsed?.ok) {
          commandsSeen.inc({ result: 'queued' });
          arrivals.push({ command: parsed.command, record });
          continue;
        }
        // What came before it first, so that a failure leaves one place from which everything comes again.
        await handOver(index, record.offset);
        const { outlet, logger } = this;
        await (parsed === undefined
          ? outlet.moveOn(record, due)
          : refuse({ outlet, logger }, record, parsed));
        batch.done(record.offset);
        taken = index + 1;
      }
      await handOver(batch.records.length, batch.next);
      return { taken, resume: Promise.resolve() };
    } catch (error) {
      const { topic, partition } = batch;
      this.logger.error({ err: error, topic, partition }, 'records could not be handed over yet');
      return { taken, resume: sleep(AFTER_FAULT_MS, batch.lost) };
    }
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
