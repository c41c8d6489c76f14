import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Inject } from '@nestjs/common';
import { headers, type ParsedCommand, parseSendMessage, retryTiers, topics } from '@talaria/contracts';
import { type KafkaRecord, OnBatch, type RecordBatch, type Taken } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { commandsSeen } from './dispatch/dispatch.metrics';
import { type Dispatcher } from './dispatch/dispatcher';
import { type Outlet } from './dispatch/outlet';
import { heldUntil } from './retry/retry-delay';
import { DISPATCHER, LOGGER, OUTLET } from './tokens';

/** Far more than Meta takes. Above it a retry or an event, which add to it, could be more than a broker takes. */
const MAX_COMMAND_BYTES = 512 * 1024;

const AFTER_FAULT_MS = 1000;

/** Hands records to their lanes and returns at once: a partition waits only while there is no room, or while its head is not due. */
@Controller()
export class Consumers {
  constructor(
    @Inject(DISPATCHER) private readonly dispatcher: Dispatcher,
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
    for (const [index, record] of batch.records.entries()) {
      if (this.dispatcher.isFull()) return { taken: index, resume: this.dispatcher.room() };
      const due = dueAt(record);
      const held = due - Date.now() > 0 ? heldUntil(due, record.timestamp, tierDelayOf(batch.topic)) : 0;
      const waitMs = held - Date.now();
      if (waitMs > 0) return { taken: index, resume: sleep(waitMs, batch.lost) };
      try {
        await this.handOver(batch, record, due);
      } catch (error) {
        // Those before it are in their lanes: only this one and what follows come again.
        this.logger.error(
          { err: error, topic: batch.topic, partition: batch.partition },
          'a record could not be handed over yet',
        );
        return { taken: index, resume: sleep(AFTER_FAULT_MS, batch.lost) };
      }
    }
    return { taken: batch.records.length, resume: Promise.resolve() };
  }

  private async handOver(batch: RecordBatch, record: KafkaRecord, due: number): Promise<void> {
    if (due > Date.now()) {
      await this.outlet.moveOn(record, due);
      batch.done(record.offset);
      return;
    }
    const parsed = read(record);
    if (parsed.ok) {
      commandsSeen.inc({ result: 'queued' });
      const done = () => batch.done(record.offset);
      const { command } = parsed;
      this.dispatcher.add({
        command,
        record,
        lost: batch.lost,
        done,
        addedAt: performance.now(),
        strikes: {},
      });
      return;
    }
    const { cause, problems } = parsed;
    const { topic, partition, offset } = record;
    commandsSeen.inc({ result: 'undecodable' });
    this.logger.warn(
      { topic, partition, offset, cause, problems },
      'a record is not a command and was dead-lettered',
    );
    await this.outlet.deadLetter(record, { cause, message: problems.join('; '), attempts: 0 });
    batch.done(offset);
  }
}

function read({ value }: KafkaRecord): ParsedCommand {
  if (value === null || value.length <= MAX_COMMAND_BYTES) return parseSendMessage(value);
  return { ok: false, cause: 'invalid', problems: [`the value is longer than ${MAX_COMMAND_BYTES} bytes`] };
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
