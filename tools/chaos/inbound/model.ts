import {
  type InboundChange,
  type InboundItem,
  type InboundMessage,
  type InboundStatus,
  keyOf,
} from './items';
import { groupBy } from '../group-by';

/**
 * What the read model must hold and what must be told when these items have arrived, made of what Meta's documentation and ours say of them; nothing
 * here knows how the platform works. Columns that other things decide, like the time of arrival, are left out. Times are whole seconds since 1970.
 */
export type Model = { readonly tables: Tables; readonly facts: ReadonlyMap<string, Fact> };

export type Tables = Readonly<Record<Table, readonly Row[]>>;
export type Row = Readonly<Record<string, string | number | boolean | null>>;
export type Table = keyof typeof keyColumns;

/** By which columns a row is known; none of a table has the same as another. */
export const keyColumns = {
  messages: ['phoneNumberId', 'wamid'],
  message_statuses: ['phoneNumberId', 'wamid', 'status'],
  reactions: ['phoneNumberId', 'wamid', 'identity'],
  contact_identities: ['wabaId', 'identity'],
  conversations: ['wabaId', 'phoneNumberId', 'identity'],
  account_changes: ['wabaId', 'field', 'at'],
  templates: ['wabaId', 'templateId'],
} as const;

/** What products hear of once, or again under the same id. */
export type Fact = {
  /** To be shown. */
  readonly name: string;
  /** What may be told of it, as {@link contentOf} writes it: one of these. */
  readonly contents: ReadonlySet<string>;
  /** Meta's own JSON, that is told with it. */
  readonly json: string;
};

/** @param items in any order, each any number of times */
export function modelOf(items: readonly InboundItem[]): Model {
  const all = [...new Map(items.map((item) => [keyOf(item), item])).values()];
  const messages = all.filter((item) => item.kind === 'message');
  const statuses = all.filter((item) => item.kind === 'status');
  const changes = all.filter((item) => item.kind === 'change');
  const stories = storiesOf(messages, statuses);
  const contacts = contactsOf(all);
  return {
    tables: {
      messages: [...stories.values()].flatMap(messageRow),
      message_statuses: [...stories.values()].flatMap(statusRows),
      reactions: [...stories.values()].flatMap(reactionRows),
      contact_identities: identityRows(messages, contacts),
      conversations: conversationRows([...messages, ...statuses], contacts),
      account_changes: changes.map(changeRow),
      templates: templateRows(changes),
    },
    facts: new Map([
      ...messages.map(messageFact),
      ...[...stories.values()].flatMap(({ statuses: some }) => statusFacts(some)),
      ...changes.map(changeFact),
      ...all.flatMap(identityFact),
    ]),
  };
}

/** All that is known of one message. */
type Story = {
  readonly phoneNumberId: string;
  readonly wamid: string;
  readonly form: InboundMessage[];
  readonly statuses: InboundStatus[];
  /** Messages that do something to it. */
  readonly effects: InboundMessage[];
};

function storiesOf(messages: readonly InboundMessage[], statuses: readonly InboundStatus[]) {
  const stories = new Map<string, Story>();
  const of = (phoneNumberId: string, wamid: string): Story => {
    const key = `${phoneNumberId}/${wamid}`;
    const story = stories.get(key) ?? { phoneNumberId, wamid, form: [], statuses: [], effects: [] };
    stories.set(key, story);
    return story;
  };
  for (const message of messages) {
    of(message.phoneNumberId, message.wamid).form.push(message);
    if (message.effect !== undefined) of(message.phoneNumberId, message.effect.target).effects.push(message);
  }
  for (const status of statuses) of(status.phoneNumberId, status.wamid).statuses.push(status);
  return stories;
}

/** A status, an edit or a revocation that comes without its message begins the row. A reaction does not. */
function messageRow(story: Story): Row[] {
  const { phoneNumberId, wamid, statuses, effects } = story;
  const [form] = story.form;
  const changing = effects.filter(({ effect }) => effect?.kind !== 'reaction');
  const known = form === undefined ? [...statuses, ...changing] : [form];
  if (known.length === 0) return [];
  const direction = form === undefined && changing.length === 0 ? 'outbound' : 'inbound';
  const edit = latest(effects.filter(({ effect }) => effect?.kind === 'edit'));
  const times = Object.fromEntries(
    (['sent', 'delivered', 'read', 'failed'] as const).map((name) => [
      `${name}At`,
      earliest(statuses.filter(({ status }) => status === name)),
    ]),
  );
  return [
    {
      ...{ phoneNumberId, wamid, month: monthOf(story), direction },
      wabaId: least(known.map(({ wabaId }) => wabaId)),
      phone: least(known.map(({ phone }) => phone)),
      userId: least(known.map(({ userId }) => userId)),
      ...{ type: form?.type ?? null, text: form?.text ?? null, context: form?.context ?? null },
      ...{ mediaId: form?.media?.id ?? null, mediaMimeType: form?.media?.mimeType ?? null },
      ...{ mediaSha256: form?.media?.sha256 ?? null, mediaFilename: form?.media?.filename ?? null },
      ...{ at: form?.at ?? null, item: form?.json ?? null, ...times, status: highest(statuses) },
      ...{ editedAt: edit?.at ?? null, editWamid: edit?.wamid ?? null },
      editedText: edit?.effect?.kind === 'edit' ? edit.effect.text : null,
      commandId: null,
      revokedAt: earliest(effects.filter(({ effect }) => effect?.kind === 'revoke')),
    },
  ];
}

/** accepted < sent < delivered < read; a failure hides nothing that was seen to arrive. */
const RANKS = ['sent', 'failed', 'delivered', 'read'] as const;

function highest(statuses: readonly InboundStatus[]): string | null {
  return RANKS.findLast((name) => statuses.some(({ status }) => status === name)) ?? null;
}

/** Told again later, it is still as it was told first. */
function statusRows(story: Story): Row[] {
  return RANKS.flatMap((name) => {
    const told = story.statuses.filter(({ status }) => status === name);
    const first = told.find(({ at }) => at === earliest(told));
    if (first === undefined) return [];
    const { phoneNumberId, wamid, status, wabaId, phone, userId, at, error, pricing, json } = first;
    return [
      {
        ...{ phoneNumberId, wamid, status, month: monthOf(story), wabaId, phone, userId, at, item: json },
        ...{ errorCode: error?.code ?? null, errorTitle: error?.title ?? null },
        ...{ billable: pricing?.billable ?? null, pricingModel: pricing?.model ?? null },
        ...{ pricingType: pricing?.type ?? null, pricingCategory: pricing?.category ?? null },
        commandId: null,
      },
    ];
  });
}

/** What each identity has put on a message last. */
function reactionRows(story: Story): Row[] {
  const { phoneNumberId, wamid } = story;
  const reactions = story.effects.filter(({ effect }) => effect?.kind === 'reaction');
  return [...groupBy(reactions, identityOf)].map(([identity, some]) => {
    const last = latest(some);
    return {
      ...{ phoneNumberId, wamid, identity, month: monthOf(story), wabaId: last?.wabaId ?? null },
      emoji: last?.effect?.kind === 'reaction' ? last.effect.emoji : null,
      ...{ at: last?.at ?? null, reactionWamid: last?.wamid ?? null },
    };
  });
}

/** All rows about a message lie in the earliest month that is told of it. */
function monthOf({ form, statuses, effects }: Story): string {
  const first = earliest([...form, ...statuses, ...effects]) ?? 0;
  return `${new Date(first * 1000).toISOString().slice(0, 7)}-01`;
}

/** The contact of each identity of an account: all that were ever told together, named by the smallest of them by bytes. */
function contactsOf(items: readonly InboundItem[]): Map<string, string> {
  const contacts = new Map<string, string>();
  const together = items.flatMap(({ wabaId, phone, userId }) => [
    [phone, userId].flatMap((identity) => (identity === null ? [] : [{ wabaId, identity }])),
  ]);
  for (const one of together.flat()) contacts.set(idOf(one), one.identity);
  for (let changed = true; changed;) {
    changed = false;
    for (const some of together) {
      const smallest = some
        .map((one) => contacts.get(idOf(one)) ?? one.identity)
        .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))[0];
      for (const one of some) {
        if (smallest === undefined || contacts.get(idOf(one)) === smallest) continue;
        contacts.set(idOf(one), smallest);
        changed = true;
      }
    }
  }
  return contacts;
}

const idOf = ({ wabaId, identity }: { wabaId: string; identity: string }) => `${wabaId}/${identity}`;

/** With the name that was told last: of the identity, and of whoever it belongs to. */
function identityRows(messages: readonly InboundMessage[], contacts: ReadonlyMap<string, string>): Row[] {
  const named = messages.flatMap((message) =>
    [message.phone, message.userId].flatMap((identity) =>
      identity === null ? [] : [{ ...message, id: idOf({ wabaId: message.wabaId, identity }) }],
    ),
  );
  const byIdentity = groupBy(named, ({ id }) => id);
  const byContact = groupBy(named, ({ id, wabaId }) => `${wabaId}/${contacts.get(id) ?? ''}`);
  return [...contacts].map(([id, contact]) => {
    const [wabaId = '', identity = ''] = id.split('/');
    return {
      ...{ wabaId, identity, contact },
      name: latest(byIdentity.get(id) ?? [])?.name ?? null,
      contactName: latest(byContact.get(`${wabaId}/${contact}`) ?? [])?.name ?? null,
    };
  });
}

/** When a person last wrote to a number, and was last sent something by it. */
function conversationRows(
  items: readonly (InboundMessage | InboundStatus)[],
  contacts: ReadonlyMap<string, string>,
): Row[] {
  const said = items.filter((item) => item.kind === 'message' || item.status === 'sent');
  const contactOf = (item: (typeof said)[number]) =>
    contacts.get(idOf({ wabaId: item.wabaId, identity: identityOf(item) })) ?? '';
  const groups = groupBy(said, (item) => `${item.wabaId}/${item.phoneNumberId}/${contactOf(item)}`);
  return [...groups].map(([key, some]) => {
    const [wabaId = '', phoneNumberId = '', identity = ''] = key.split('/');
    const lastOf = (kind: string) => latest(some.filter((item) => item.kind === kind))?.at ?? null;
    return { wabaId, phoneNumberId, identity, lastInAt: lastOf('message'), lastOutAt: lastOf('status') };
  });
}

function changeRow({ wabaId, field, at, phoneNumberId, phone, userId, json }: InboundChange): Row {
  return { wabaId, field, at, phoneNumberId, phone, userId, item: json };
}

/** As Meta told last, whenever it came. */
function templateRows(changes: readonly InboundChange[]): Row[] {
  const told = changes.filter(({ template }) => template !== undefined);
  const groups = groupBy(told, ({ wabaId, template }) => `${wabaId}/${template?.id ?? ''}`);
  return [...groups.values()].map((some) => {
    const { wabaId = '', template, at = 0 } = latest(some) ?? {};
    return { wabaId, templateId: template?.id ?? '', status: template?.status ?? null, at };
  });
}

/** What an event tells, without Meta's own JSON and what depends on when it is told. Fields without a value are left out, in a fixed order. */
export function contentOf(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

const isoOf = (seconds: number) => new Date(seconds * 1000).toISOString();

function messageFact(message: InboundMessage): [string, Fact] {
  const { wabaId, phoneNumberId, wamid, phone, userId, name, at, type, json } = message;
  const content = contentOf({ wabaId, phone, userId, name, timestamp: isoOf(at), type });
  const key = `${phoneNumberId}/${wamid}`;
  return [key, { name: key, contents: new Set([content]), json }];
}

function statusFacts(statuses: readonly InboundStatus[]): [string, Fact][] {
  return [...groupBy(statuses, ({ status }) => status)].flatMap(([status, told]) => {
    const [first] = told;
    if (first === undefined) return [];
    const contents = told.map(({ wabaId, phone, userId, at, error }) =>
      contentOf({ wabaId, phone, userId, timestamp: isoOf(at), code: error?.code, title: error?.title }),
    );
    const key = `${first.phoneNumberId}/${first.wamid}/${status}`;
    return [[key, { name: key, contents: new Set(contents), json: '' }]];
  });
}

function changeFact(change: InboundChange): [string, Fact] {
  const { wabaId, field, at, phoneNumberId, phone, userId, value } = change;
  const key = `${wabaId}/${field}/${at}`;
  return [key, { name: key, contents: new Set([contentOf({ phoneNumberId, phone, userId })]), json: value }];
}

/** That two identities are one person. */
function identityFact({ wabaId, person, phone, userId }: InboundItem): [string, Fact][] {
  if (phone === null || userId === null) return [];
  const name = `${wabaId}/identities of person ${person ?? '?'}`;
  return [[linkKey(wabaId, [phone, userId]), { name, contents: new Set([contentOf({})]), json: '' }]];
}

export function linkKey(wabaId: string, identities: readonly string[]): string {
  return `${wabaId}/${[...identities].sort().join('+')}`;
}

type Timed = { readonly at: number };

function identityOf({ phone, userId }: Pick<InboundItem, 'phone' | 'userId'>): string {
  return phone ?? userId ?? '';
}

function latest<T extends Timed>(all: readonly T[]): T | undefined {
  return all.reduce<T | undefined>(
    (last, one) => (last === undefined || one.at > last.at ? one : last),
    undefined,
  );
}

function earliest(all: readonly Timed[]): number | null {
  return all.length === 0 ? null : Math.min(...all.map(({ at }) => at));
}

function least(all: readonly (string | null)[]): string | null {
  return all.filter((one) => one !== null).sort()[0] ?? null;
}
