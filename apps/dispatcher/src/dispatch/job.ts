import { headers, type SendMessage, topics } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { type Context, type SpanContext } from '@opentelemetry/api';
import { type Source } from '../ledger/ledger';
import { type Strikes } from './decide';

/** A command that waits for its turn, and the record that brought it. */
export type Job = {
  readonly command: SendMessage;
  readonly record: KafkaRecord;
  /** Aborted when the record's partition is no longer ours. */
  lost: AbortSignal;
  /** Whether nobody else can have it: asked right before what only its owner may do. */
  isOurs: () => boolean;
  /** Finishes the record: it will not come again. */
  readonly done: () => void;
  /** When it came, in ms of the monotonic clock. */
  readonly addedAt: number;
  /** Whether others of its lane may be held in memory in its place, since it, or one before it to the same recipient, waits for long. */
  isAside: boolean;
  /** Lets others be held in its place, if there is memory. */
  readonly setAside: () => void;
  strikes: Strikes;
  /** Of an outcome that it waits after: the version that was told. */
  toldVersion?: number;
  /** ISO 8601, when an attempt first failed since the record was read. */
  firstFailureAt?: string;
  /** Attempts that were spent before the command was re-driven: its budget counts from there. Known once it was claimed. */
  attemptsBefore?: number;
  /** Of the turn under way, where traces are on. */
  trace?: Context;
  /** Of the call that was made last since the record was read, where traces are on. */
  lastCall?: SpanContext;
};

/** Only one turn of a command is under way at a time in a process, however many records ask for it. */
export function commandKeyOf({ command }: Job): string {
  return `${command.wabaId}/${command.id}`;
}

/** Who receives it; the order of messages is kept for each. */
export function recipientOf({ command }: Pick<Job, 'command'>): string {
  return command.to ?? command.recipient ?? '';
}

/** Whether later ones to the same recipient are held behind it wherever it waits: then it waits in its lane. */
export function isStrict({ command }: Pick<Job, 'command'>): boolean {
  return command.order === 'strict';
}

/** Where one of strict order stands that has come back to `whatsapp.outbound`; undefined for all others. */
export function placeOf({ command, record }: Pick<Job, 'command' | 'record'>): number | undefined {
  const { topic, offset, headers: found } = record;
  const place = found[headers.place] ?? '';
  const isBack = topic === topics.outbound.name;
  return isStrict({ command }) && isBack && /^\d{1,15}$/.test(place)
    ? Math.min(Number(place), offset)
    : undefined;
}

/** By which the ledger knows it. */
export function idOf({ command }: Job): { wabaId: string; commandId: string } {
  return { wabaId: command.wabaId, commandId: command.id };
}

/** Where the record lies. */
export function sourceOf({ record: { topic, partition, offset } }: Job): Source {
  return { topic, partition, offset };
}

export function isSameRecord(source: Source, { record }: Job): boolean {
  return (
    source.topic === record.topic && source.partition === record.partition && source.offset === record.offset
  );
}
