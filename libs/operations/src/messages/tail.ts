import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type DispatchEventData, groups, topics } from '@talaria/contracts';
import { type KafkaRecord, type RecordBatch, startConsumer } from '@talaria/kafka';
import { type KafkaAccess, withAdmin } from '../with-admin';
import { maskIdentity } from './mask';

/** An event, as far as a person follows what goes on. Neither texts nor whole phones are in it. */
export type TailedEvent = {
  readonly at: string;
  /** Like `dispatch.accepted` or `message.status`. */
  readonly type: string;
  readonly wabaId: string | null;
  readonly phoneNumberId: string | null;
  readonly commandId: string | null;
  readonly wamid: string | null;
  /** The person's phone or user id, all but its end masked. */
  readonly contact: string | null;
  /** The status, the kind of message or of change, the cause and error, whatever the type has. */
  readonly detail: string;
};

export type TailFilter = {
  readonly wabaId?: string | undefined;
  readonly phoneNumberId?: string | undefined;
  readonly commandId?: string | undefined;
  /** Whole, or its beginning up to a dot: `dispatch`, `message.status`. */
  readonly type?: string | undefined;
};

export const tailedTopics = { dispatches: topics.dispatches.name, events: topics.events.name } as const;
export type TailedTopic = keyof typeof tailedTopics;

/**
 * Hands over the events of these topics as they come, until the signal. Those of one account or contact are in order; nothing is kept, and nobody else's
 * reading is disturbed.
 * @param options.since milliseconds since 1970: begins with what was written after it; without it with what comes from now on
 * @throws when no broker answers, or reading ends for good
 */
export async function tailEvents(
  kafka: KafkaAccess,
  options: {
    readonly topics: readonly TailedTopic[];
    readonly filter: TailFilter;
    readonly since?: number | undefined;
    readonly onEvent: (event: TailedEvent) => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { filter, since, onEvent, signal } = options;
  const names = options.topics.map((topic) => tailedTopics[topic]);
  const starts = await findStarts(kafka, names, since);
  const handler = ({ records, done }: RecordBatch) => {
    for (const record of records) {
      const event = readEvent(record);
      if (event !== undefined && matches(event, filter)) onEvent(event);
      // A rebalance goes on from here.
      starts.set(`${record.topic}/${record.partition}`, record.offset + 1);
      done(record.offset);
    }
    return Promise.resolve(undefined);
  };
  const groupId = `${groups.tails}${randomUUID()}`;
  let failure: Error | undefined;
  const fatal = new AbortController();
  const consumer = await startConsumer({
    ...kafka,
    groupId,
    handlers: new Map(names.map((name) => [name, handler])),
    positionOf: (topic, partition) => Promise.resolve(starts.get(`${topic}/${partition}`)),
    onFatal: (error) => {
      failure = error;
      fatal.abort();
    },
  });
  const ended = AbortSignal.any([signal, fatal.signal]);
  if (!ended.aborted) await once(ended, 'abort');
  await consumer.close();
  // Kafka would remember it for a week; when it is away, it will.
  const ids = [kafka.config.KAFKA_PREFIX + groupId];
  await withAdmin(kafka, (admin) => admin.deleteGroups(ids)).catch(() => undefined);
  if (failure !== undefined) throw failure;
}

/** By topic and partition, the offset to begin with. */
function findStarts(
  kafka: KafkaAccess,
  names: readonly string[],
  since: number | undefined,
): Promise<Map<string, number>> {
  return withAdmin(kafka, async (admin) => {
    const starts = new Map<string, number>();
    for (const name of names) {
      const topic = kafka.config.KAFKA_PREFIX + name;
      // Of a partition that has nothing since then, this tells the end.
      const offsets =
        since === undefined
          ? await admin.fetchTopicOffsets(topic)
          : await admin.fetchTopicOffsetsByTimestamp(topic, since);
      for (const { partition, offset } of offsets) starts.set(`${name}/${partition}`, Number(offset));
    }
    return starts;
  });
}

type Identity = string | { readonly phone?: string; readonly userId?: string };

/** What is read of any of the types. */
type Data = Partial<Omit<DispatchEventData, 'recipient' | 'error'>> & {
  readonly from?: Identity;
  readonly recipient?: Identity;
  readonly contact?: Identity;
  readonly status?: string;
  readonly type?: string;
  readonly field?: string;
  readonly error?: { readonly class?: string; readonly code?: number; readonly title?: string };
};

/** @returns undefined for what is no event of ours, or of a type that is not known yet */
export function readEvent({
  headers,
  value,
}: Pick<KafkaRecord, 'headers' | 'value'>): TailedEvent | undefined {
  const [, type] = /^whatsapp\.([a-z.-]+)\.v\d+$/.exec(headers.ce_type ?? '') ?? [];
  if (type === undefined) return undefined;
  let data: Data;
  try {
    data = JSON.parse(String(value)) as Data;
  } catch {
    return undefined;
  }
  return {
    at: headers.ce_time ?? '',
    type,
    wabaId: data.wabaId ?? null,
    phoneNumberId: data.phoneNumberId ?? null,
    commandId: data.commandId ?? null,
    wamid: data.wamid ?? null,
    contact: maskIdentity(contactOf(data)),
    detail: detailOf(data),
  };
}

function contactOf({ to, from, recipient, contact }: Data): string | null {
  const identity = (one: Identity | undefined) => (typeof one === 'object' ? (one.phone ?? one.userId) : one);
  return to ?? identity(from) ?? identity(recipient) ?? identity(contact) ?? null;
}

function detailOf(data: Data): string {
  const { status, type, field, attempt, cause, nextAttemptAt, error } = data;
  return [
    status ?? type ?? field,
    attempt === undefined ? undefined : `attempt ${attempt}`,
    cause,
    error && [error.class, error.code, error.title].filter((part) => part !== undefined).join(' '),
    nextAttemptAt && `again at ${nextAttemptAt}`,
  ]
    .filter((part) => part !== undefined && part !== '')
    .join(', ');
}

export function matches(event: TailedEvent, { wabaId, phoneNumberId, commandId, type }: TailFilter): boolean {
  return (
    (wabaId === undefined || event.wabaId === wabaId) &&
    (phoneNumberId === undefined || event.phoneNumberId === phoneNumberId) &&
    (commandId === undefined || event.commandId === commandId) &&
    (type === undefined || event.type === type || event.type.startsWith(`${type}.`))
  );
}
