import {
  cloudEventHeaders,
  type DeadLetterCause,
  deadLetterHeaders,
  headers,
  originHeaders,
  retryTopicFor,
  topics,
} from '@talaria/contracts';
import { type KafkaRecord, NotWrittenError, type VerifiedProducer } from '@talaria/kafka';
import { type Context, context } from '@opentelemetry/api';
import { type Outcome } from '../ledger/ledger';
import { dispatchEvent, type ToldCommand } from './dispatch-event';
import { deadLetters } from './dispatch.metrics';

/** What the dispatcher writes to Kafka. Everything resolves when the brokers have it. */
export type Outlet = {
  /** Tells an outcome on `whatsapp.dispatches`. */
  tell(command: ToldCommand, outcome: Outcome, count: { version: number; attempts: number }): Promise<void>;
  /**
   * The record again, unchanged, on the retry topic of this delay and in the same partition.
   * @param firstFailureAt ISO 8601, when it failed before it was first written to a retry topic
   */
  retry(record: KafkaRecord, attempts: number, dueAt: number, firstFailureAt?: string): Promise<void>;
  /** Likewise on `whatsapp.outbound`, where the record lies, at once: whoever owns it holds it in its lane, at its place. */
  comeBack(record: KafkaRecord, attempts: number, dueAt: number): Promise<void>;
  /** A record of a retry topic that is not due yet, on the topic for the rest of its time. */
  moveOn(record: KafkaRecord, dueAt: number): Promise<void>;
  /** The partition of `whatsapp.outbound` whose owner sends for a WABA. */
  readonly ownerPartition: (wabaId: string) => number;
  /**
   * A record that lies in another one, unchanged, in this one. Records are forwarded in the order of the calls; one that the brokers
   * refuse with the headers that this adds is dead-lettered.
   */
  forward(record: KafkaRecord, partition: number): Promise<void>;
  /** The record, unchanged, with its cause. One that the brokers refuse with these headers, for its size, goes without its value. */
  deadLetter(record: KafkaRecord, letter: DeadLetter): Promise<void>;
};

export type DeadLetter = {
  readonly cause: DeadLetterCause;
  readonly message: string;
  readonly attempts: number;
  /** ISO 8601, when it failed before it was ever written to a retry topic. */
  readonly firstFailureAt?: string | undefined;
  readonly errorClass?: string | undefined;
  readonly metaCode?: number | undefined;
  readonly fbtraceId?: string | undefined;
};

/** @param attempts made so far */
export function letterOf({ cause, error }: Outcome, attempts: number): DeadLetter {
  return {
    cause: cause as DeadLetterCause,
    message: error?.message ?? '',
    attempts,
    errorClass: error?.class,
    metaCode: error?.code,
    fbtraceId: error?.fbtraceId,
  };
}

const TOO_LARGE = 'it lies in the wrong partition, and is too large to be forwarded to the right one';

const isRefused = (error: unknown) => error instanceof NotWrittenError && error.reason === 'refused';

export function createOutlet(producer: VerifiedProducer): Outlet {
  const unchanged = ({ key, value, partition }: KafkaRecord) => ({ key, value, partition });
  return {
    async tell(command, outcome, count) {
      const event = dispatchEvent(command, outcome, count);
      await producer.send({
        topic: topics.dispatches.name,
        key: command.wabaId,
        value: JSON.stringify(event.data),
        headers: cloudEventHeaders(event),
      });
    },
    async retry(record, attempts, dueAt, firstFailureAt) {
      const now = Date.now();
      await producer.send({
        ...unchanged(record),
        topic: retryTopicFor(dueAt - now).name,
        headers: {
          [headers.firstFailureAt]: firstFailureAt ?? new Date(now).toISOString(),
          ...originHeaders(record),
          [headers.lastFailureAt]: new Date(now).toISOString(),
          [headers.attempts]: String(attempts),
          [headers.dueAt]: String(dueAt),
        },
      });
    },
    async comeBack(record, attempts, dueAt) {
      const at = new Date().toISOString();
      try {
        await producer.send({
          ...unchanged(record),
          topic: record.topic,
          headers: {
            ...{ [headers.firstFailureAt]: at, [headers.place]: String(record.offset) },
            ...originHeaders(record),
            ...{ [headers.lastFailureAt]: at, [headers.attempts]: String(attempts) },
          },
        });
      } catch (error) {
        if (!isRefused(error)) throw error;
        // Too large by what is added: retry topics take larger ones, and better overtaken than never.
        await this.retry(record, attempts, dueAt, undefined);
      }
    },
    async moveOn(record, dueAt) {
      const topic = retryTopicFor(dueAt - Date.now()).name;
      await producer.send({ ...unchanged(record), topic, headers: record.headers });
    },
    ownerPartition: (wabaId) => producer.partitionFor(topics.outbound.name, wabaId),
    async forward(record, partition) {
      try {
        await producer.send({
          ...unchanged(record),
          topic: topics.outbound.name,
          partition,
          headers: { ...originHeaders(record), [headers.rekeyedTo]: String(partition) },
        });
      } catch (error) {
        if (!isRefused(error)) throw error;
        await this.deadLetter(record, { cause: 'invalid', message: TOO_LARGE, attempts: 0 });
      }
    },
    async deadLetter(record, { cause, message, attempts, firstFailureAt, errorClass, metaCode, fbtraceId }) {
      const now = new Date();
      const letter = {
        ...unchanged(record),
        topic: topics.outboundDlq.name,
        headers: {
          [headers.firstFailureAt]: firstFailureAt ?? now.toISOString(),
          ...deadLetterHeaders(record, { cause, message, at: now }),
          [headers.lastFailureAt]: now.toISOString(),
          [headers.attempts]: String(attempts),
          ...(errorClass !== undefined && { [headers.errorClass]: errorClass }),
          ...(metaCode !== undefined && { [headers.metaCode]: String(metaCode) }),
          ...(fbtraceId !== undefined && { [headers.fbtraceId]: fbtraceId }),
        },
      };
      try {
        await producer.send(letter);
      } catch (error) {
        if (!isRefused(error)) throw error;
        await producer.send({ ...letter, value: null });
      }
      deadLetters.inc({ cause });
    },
  };
}

/** The same, by which everything that is told of a command is told in a trace. */
export function outletIn(outlet: Outlet, trace: Context): Outlet {
  return Object.assign({}, outlet, {
    tell: (...args) => context.with(trace, () => outlet.tell(...args)),
    retry: (...args) => context.with(trace, () => outlet.retry(...args)),
    comeBack: (...args) => context.with(trace, () => outlet.comeBack(...args)),
    deadLetter: (...args) => context.with(trace, () => outlet.deadLetter(...args)),
  } satisfies Partial<Outlet>);
}
