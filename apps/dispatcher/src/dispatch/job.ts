import { type SendMessage } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
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
  strikes: Strikes;
  /** ISO 8601, when an attempt first failed since the record was read. */
  firstFailureAt?: string;
  /** Attempts that were spent before the command was re-driven: its budget counts from there. Known once it was claimed. */
  attemptsBefore?: number;
};

/** Only one turn of a command is under way at a time in a process, however many records ask for it. */
export function commandKeyOf({ command }: Job): string {
  return `${command.wabaId}/${command.id}`;
}

/** Who receives it; the order of messages is kept for each. */
export function recipientOf({ command }: Pick<Job, 'command'>): string {
  return command.to ?? command.recipient ?? '';
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
