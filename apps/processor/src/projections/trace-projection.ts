import { findCallbackData, parseRedriven } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { type AboutRecord, linkToCall } from '@talaria/observability';
import { changeEventId, messageEventId, statusEventId } from '../webhooks/events-of';
import { type Rows } from '../webhooks/rows';

/** What traces tell of a topic's records. */
export type ProjectionTraces<Row> = {
  readonly about: (record: KafkaRecord) => AboutRecord;
  /** The events that a row may lead to: each goes on in the trace of the record that it came of. */
  readonly eventIdsOf: (row: Row) => readonly string[];
};

const replayOf = ({ headers }: KafkaRecord): AboutRecord['replay'] =>
  parseRedriven(headers) === undefined ? undefined : 'redrive';

/** A status tells by itself which command it is about, and which call sent that. */
export const webhookTraces: ProjectionTraces<Rows> = {
  about(record) {
    const [callback] = findCallbackData(record.value);
    return {
      commandId: callback?.commandId,
      links: callback?.span === undefined ? [] : [linkToCall(callback.commandId, callback.span)],
      replay: replayOf(record),
    };
  },
  eventIdsOf: ({ forms, statuses, changes }) => [
    ...forms.map(messageEventId),
    ...statuses.map(statusEventId),
    ...changes.map(changeEventId),
  ],
};

/** Events of the dispatcher have the command's id for their subject. */
export const dispatchTraces: ProjectionTraces<unknown> = {
  about: (record) => ({ commandId: record.headers.ce_subject, replay: replayOf(record) }),
  eventIdsOf: () => [],
};
