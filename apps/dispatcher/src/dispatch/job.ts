import { type SendMessage } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';

/** A command that waits for its turn, and the record that brought it. */
export type Job = {
  readonly command: SendMessage;
  readonly record: KafkaRecord;
  /** Aborted when the record's partition is no longer ours. */
  readonly lost: AbortSignal;
  /** Finishes the record: it will not come again. */
  readonly done: () => void;
  /** How often it was throttled in a row. */
  strikes: number;
};

/** Who receives it; the order of messages is kept for each. */
export function recipientOf({ command }: Job): string {
  return command.to ?? command.recipient ?? '';
}
