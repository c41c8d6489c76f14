import { Controller, Inject } from '@nestjs/common';
import { headers, parseSendMessage, topics } from '@talaria/contracts';
import { type KafkaRecord, OnBatch, type RecordBatch, type Taken } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { commandsSeen } from './dispatch/dispatch.metrics';
import { type Dispatcher } from './dispatch/dispatcher';
import { type Outlet } from './dispatch/outlet';
import { DISPATCHER, LOGGER, OUTLET } from './tokens';

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
      const waitMs = dueAt(record) - Date.now();
      if (waitMs > 0) return { taken: index, resume: sleep(waitMs, batch.lost) };
      await this.admit(batch, record);
    }
    return { taken: batch.records.length, resume: Promise.resolve() };
  }

  private async admit(batch: RecordBatch, record: KafkaRecord): Promise<void> {
    const parsed = parseSendMessage(record.value);
    if (parsed.ok) {
      commandsSeen.inc({ result: 'queued' });
      const done = () => batch.done(record.offset);
      this.dispatcher.add({ command: parsed.command, record, lost: batch.lost, done, strikes: 0 });
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

/** A header from outside: what is not a time within a day counts as due. */
function dueAt(record: KafkaRecord): number {
  const due = Number(record.headers[headers.dueAt] ?? 0);
  return due <= Date.now() + 86_400_000 ? due : 0;
}

function sleep(ms: number, lost: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    lost.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
