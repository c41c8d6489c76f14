import { topics } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { rowsOfDispatches, translateDispatch } from '../src/dispatches/record-dispatches';
import {
  type MessageFact,
  type MessageForm,
  type MessageKey,
  noRows,
  type Rows,
  type Sighting,
} from '../src/webhooks/rows';
import { translateWebhook } from '../src/webhooks/translate-webhook';

/**
 * What the read model must hold for a set of facts, said without SQL, order or batches: for specs that compare. Rows as text, so that they
 * can be sorted and read.
 */
export type Model = Readonly<
  Record<'messages' | 'reactions' | 'statuses' | 'identities' | 'conversations' | 'states', string[]>
>;

export function modelOf({ forms, facts, edits, reactions, statuses, sightings, states }: Rows) {
  const keys = [forms, facts, edits, reactions, statuses].flat();
  const monthOf = byId(keys, (some) => smallest(some.map(({ month }) => month)));
  return {
    messages: [...byId([...forms, ...facts], (some) => some)].map(([id, some]) =>
      row(id, monthOf.get(id), messageOf(some), lastEdit(edits.filter((edit) => idOf(edit) === id))),
    ),
    reactions: [...groupBy(reactions, (one) => `${idOf(one)} ${one.sender}`)].map(([id, some]) => {
      const last = largest(some, (one) => [one.reactedAt, one.reactionWamid, one.emoji ?? '']);
      return row(id, last?.emoji, last?.reactedAt, last?.reactionWamid);
    }),
    statuses: [...groupBy(statuses, (one) => `${idOf(one)} ${one.status} ${one.participant}`)].map(
      ([id, some]) => row(id, smallest(some.map(({ statusAt }) => statusAt.toISOString()))),
    ),
    ...contactsOf(sightings),
    states: [...groupBy(states, (one) => `${one.wabaId} ${one.subject} ${one.facet}`)].map(([id, some]) =>
      row(id, largest(some, (one) => [one.toldAt])?.toldAt),
    ),
  };
}

/** The rows that a record becomes, whichever topic it is of. */
export function translate(record: KafkaRecord): Rows {
  if (record.topic === topics.webhooks.name) return translateWebhook(record) ?? noRows;
  const told = translateDispatch(record);
  return told === undefined ? noRows : rowsOfDispatches([told]);
}

export function row(...columns: readonly unknown[]): string {
  return columns
    .map((column) =>
      column instanceof Date ? column.toISOString() : ((column as string | null | undefined) ?? '-'),
    )
    .join(' | ');
}

const TIMES = ['accepted', 'sent', 'delivered', 'read', 'played', 'failed', 'revoked'];

function messageOf(some: readonly (MessageForm | MessageFact)[]): string {
  const told = some.filter((one): one is MessageForm => 'item' in one);
  const facts = some.filter((one): one is MessageFact => 'fact' in one);
  const form = told.sort(compareForms)[0];
  const least = (read: (fact: MessageFact) => string | null) =>
    smallest(facts.map(read).filter((value) => value !== null));
  const times = TIMES.map((name) =>
    smallest(facts.filter(({ fact }) => fact === name).map(({ at }) => at.toISOString())),
  );
  return row(
    form?.direction ?? least(({ direction }) => direction),
    form === undefined ? least(({ contactPhone }) => contactPhone) : form.contactPhone,
    form === undefined ? least(({ contactUserId }) => contactUserId) : form.contactUserId,
    form?.type,
    form?.text,
    least(({ commandId }) => commandId),
    ...times,
  );
}

function compareForms(one: MessageForm, other: MessageForm): number {
  const order = (form: MessageForm) =>
    [
      ...[form.direction, String(form.isEcho), form.wabaId ?? '', form.contactPhone ?? ''],
      ...[form.contactUserId ?? '', form.messageAt?.toISOString() ?? '~'],
    ].join('\n');
  return Buffer.compare(one.item, other.item) || (order(one) < order(other) ? -1 : 1);
}

function lastEdit(edits: Rows['edits']): string {
  const last = largest(edits, (one) => [one.editedAt, one.editWamid, one.editedText ?? '']);
  return row(last?.editedAt, last?.editWamid, last?.editedText);
}

/** Who is one person: whatever can be reached from one identity to the next within an account. */
function contactsOf(sightings: readonly Sighting[]) {
  const contactOf = new Map<string, string>();
  for (const { wabaId, identities } of sightings)
    for (const identity of identities) contactOf.set(`${wabaId}/${identity}`, identity);
  for (let changed = true; changed;) {
    changed = false;
    for (const { wabaId, identities } of sightings) {
      const keys = identities.map((identity) => `${wabaId}/${identity}`);
      const first = smallest(keys.map((key) => contactOf.get(key) ?? key));
      for (const key of keys) {
        changed ||= contactOf.get(key) !== first;
        contactOf.set(key, first ?? key);
      }
    }
  }
  const named = sightings
    .filter(({ name, username }) => name !== null || username !== null)
    .flatMap((one) => one.identities.map((identity) => ({ ...one, key: `${one.wabaId}/${identity}` })));
  const talks = sightings
    .filter(({ phoneNumberId }) => phoneNumberId !== null)
    .map((one) => ({ ...one, contact: contactOf.get(`${one.wabaId}/${one.identities[0]}`) }));
  const last = (some: readonly Sighting[], direction: string) =>
    largest(
      some.filter((one) => one.direction === direction),
      (one) => [one.at],
    )?.at;
  return {
    identities: [...contactOf].map(([key, contact]) => {
      const name = largest(
        named.filter((one) => one.key === key),
        (one) => [one.at, one.name ?? '', one.username ?? ''],
      );
      return row(key, contact, name?.name, name?.username);
    }),
    conversations: [...groupBy(talks, (one) => row(one.phoneNumberId, one.wabaId, one.contact))].map(
      ([id, some]) => row(id, last(some, 'inbound'), last(some, 'outbound')),
    ),
  };
}

function idOf({ phoneNumberId, wamid }: Pick<MessageKey, 'phoneNumberId' | 'wamid'>): string {
  return `${phoneNumberId}/${wamid}`;
}

function byId<Key extends MessageKey, Made>(
  keys: readonly Key[],
  make: (some: readonly Key[]) => Made,
): Map<string, Made> {
  return new Map([...groupBy(keys, idOf)].map(([id, some]) => [id, make(some)]));
}

function groupBy<One>(all: readonly One[], keyOf: (one: One) => string): Map<string, One[]> {
  const groups = new Map<string, One[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

const byBytes = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));

function smallest(all: readonly string[]): string | undefined {
  return [...all].sort(byBytes)[0];
}

function largest<One>(all: readonly One[], order: (one: One) => readonly (Date | string)[]): One | undefined {
  const text = (one: One) => JSON.stringify(order(one));
  return [...all].sort((one, other) => byBytes(text(other), text(one)))[0];
}

export function sorted(model: Model): Model {
  return Object.fromEntries(Object.entries(model).map(([table, rows]) => [table, [...rows].sort()])) as Model;
}
