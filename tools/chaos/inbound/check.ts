import { createHash } from 'node:crypto';
import { groupBy } from '../group-by';
import { type Span } from '../span';
import { type InboundItem, type InboundMessage, inboundWabaIds, keyOf } from './items';
import { type Fact, keyColumns, type Model, modelOf, type Row, type Table, type Tables } from './model';
import { type InboundBody, type InboundPlan } from './plan';
import { recogniseEvent, recogniseRecord } from './recognise';

/** What was seen of a run, from outside of the platform. */
export type InboundEvidence = InboundSeen & {
  readonly plan: InboundPlan;
  /** What became of each body, at its place in the plan. */
  readonly history: readonly Offer[];
  /** While what was posted may not have arrived whole. */
  readonly held: readonly Span[];
  /** Wamids of messages that the platform itself sent: what is told of these is checked elsewhere. */
  readonly foreign: ReadonlySet<string>;
};

/** Times are milliseconds since 1970. */
export type Offer = {
  /** Undefined: it was never posted. */
  readonly firstAt: number | undefined;
  readonly acknowledgedAt: number | undefined;
  /** The receivers that it was posted to, and the one that answered 200, by their URLs. */
  readonly tried: readonly string[];
  readonly acknowledgedBy: string | undefined;
  /** How often each status was answered. */
  readonly answers: Readonly<Record<number, number>>;
  /** Posts that ended without an answer: refused, cut off or too late. */
  readonly failures: number;
  readonly slowestMs: number;
};

/** What the platform has. The records of a key are in their order; those of a topic need not be. */
export type InboundSeen = {
  /** Of `whatsapp.webhooks`. */
  readonly records: readonly { readonly key: string; readonly value: string }[];
  /** Of `whatsapp.events`. */
  readonly events: readonly SeenEvent[];
  /** Of `whatsapp.webhooks.dlq`. */
  readonly deadLetters: readonly { readonly cause: string; readonly value: string }[];
  /** Of the accounts of the plan. */
  readonly tables: Tables;
};

export type SeenEvent = {
  readonly key: string;
  readonly id: string;
  readonly type: string;
  /** ISO 8601, when it happened. */
  readonly time: string;
  readonly value: string;
};

/** Each names what it found, one line a finding, by ids that are no person's; all are empty when every promise was kept. */
export type InboundFindings = Readonly<Record<(typeof inboundKinds)[number], readonly string[]>>;

/**
 * lost: acknowledged, and not in the log, or no dead letter though it is no JSON; or without its row · projectedTwice: more than one row for one fact, or
 * one event id with two contents, or one fact under two event ids · differing: a row, record or event that does not say what Meta said · untold: a fact
 * without its event · reordered: messages of one person told, or written to the log, in another order than they were posted · invented: what
 * nobody offered · refused: answers other than 200 and 503 · undeserved: dead letters of what is JSON
 */
export const inboundKinds = [
  ...(['lost', 'projectedTwice', 'differing', 'untold'] as const),
  ...(['reordered', 'invented', 'refused', 'undeserved'] as const),
] as const;

/** A finding, and of which kind it is. */
type Finding = readonly [kind: (typeof inboundKinds)[number], what: string];

/**
 * Compares what was offered with what is there. Pure; knows what Meta means and what the platform promises, and nothing of how it works.
 *
 * What was offered and not acknowledged may be there or not. The log decides: it is what everything else must be made of. So the model is made of
 * whatever the log holds, and of what was acknowledged; rows and events must be exactly those of the model.
 */
export function checkInbound(evidence: InboundEvidence): InboundFindings {
  const offered = offeredItems(evidence);
  const acknowledged = new Set(
    evidence.plan.flatMap(({ items }, place) => (isAcknowledged(evidence, place) ? items.map(keyOf) : [])),
  );
  const log = readLog(evidence, offered);
  const there = [...offered].filter(([key]) => log.keys.has(key) || acknowledged.has(key));
  const model = modelOf(there.map(([, item]) => item));
  const findings: Finding[] = [
    ...log.findings,
    ...[...acknowledged]
      .filter((key) => !log.keys.has(key))
      .map((key): Finding => ['lost', `${key}: no record`]),
    ...checkDeadLetters(evidence),
    ...checkTables(evidence, model, peopleOf(offered.values())),
    ...checkEvents(evidence, model),
    ...checkOrder(evidence),
    ...checkAnswers(evidence),
  ];
  const of = (kind: Finding[0]) => findings.filter(([one]) => one === kind).map(([, what]) => what);
  return Object.fromEntries(inboundKinds.map((kind) => [kind, of(kind)])) as Record<Finding[0], string[]>;
}

const isOffered = ({ history }: InboundEvidence, place: number) => history[place]?.firstAt !== undefined;
const isAcknowledged = ({ history }: InboundEvidence, place: number) =>
  history[place]?.acknowledgedAt !== undefined;

function offeredItems(evidence: InboundEvidence): Map<string, InboundItem> {
  const bodies = evidence.plan.filter((_, place) => isOffered(evidence, place));
  return new Map(bodies.flatMap(({ items }) => items.map((item) => [keyOf(item), item] as const)));
}

type Log = { readonly keys: ReadonlySet<string>; readonly findings: readonly Finding[] };

/** Each record holds one item, in Meta's own bytes, under the key of its person. */
function readLog(evidence: InboundEvidence, offered: ReadonlyMap<string, InboundItem>): Log {
  const keys = new Set<string>();
  const findings = evidence.records.flatMap(({ key, value }): Finding[] => {
    const recognised = recogniseRecord(value);
    if (recognised !== undefined && isForeign(evidence, recognised)) return [];
    const item = offered.get(recognised?.key ?? '');
    if (item === undefined) return [['invented', `a record of ${recognised?.key ?? digestOf(value)}`]];
    if (!value.includes(item.json)) return [['differing', `${keyOf(item)}: its record has other bytes`]];
    keys.add(keyOf(item));
    return key === recordKeyOf(item) ? [] : [['differing', `${keyOf(item)}: its record has another key`]];
  });
  return { keys, findings };
}

function isForeign(
  { foreign }: InboundEvidence,
  { wabaId, wamid }: { readonly wabaId: string; readonly wamid: string | undefined },
): boolean {
  return !inboundWabaIds.includes(wabaId) || (wamid !== undefined && foreign.has(wamid));
}

/** Phone, else user id, else account. */
function recordKeyOf({ phone, userId, wabaId }: InboundItem): string {
  return phone ?? userId ?? wabaId;
}

/** For what cannot be shown. */
function digestOf(text: string): string {
  return `#${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

/** Signed, but no JSON, is given up, and nothing else is. A dead letter may be there twice. */
function checkDeadLetters(evidence: InboundEvidence): Finding[] {
  const deserved = (place: number, { items }: InboundBody) =>
    items.length === 0 && isOffered(evidence, place);
  const bodies = [...evidence.plan.entries()].filter(([place, body]) => deserved(place, body));
  const offered = new Set(bodies.map(([, { body }]) => body));
  const found = new Set(evidence.deadLetters.map(({ value }) => value));
  return [
    ...bodies
      .filter(([place, { body }]) => isAcknowledged(evidence, place) && !found.has(body))
      .map(([place]): Finding => ['lost', `body ${place}: no dead letter`]),
    ...evidence.deadLetters
      .filter(({ value, cause }) => cause !== 'decode' || !offered.has(value))
      .map(({ value, cause }): Finding => [
        'undeserved',
        `${recogniseRecord(value)?.key ?? digestOf(value)}: ${cause}`,
      ]),
  ];
}

/** What stands for a phone or a user id in a finding. */
type People = ReadonlyMap<string, string>;

function peopleOf(items: Iterable<InboundItem>): People {
  const people = new Map<string, string>();
  for (const { person, phone, userId } of items) {
    if (phone !== null) people.set(phone, `phone of person ${person ?? '?'}`);
    if (userId !== null) people.set(userId, `user id of person ${person ?? '?'}`);
  }
  return people;
}

function checkTables(evidence: InboundEvidence, { tables }: Model, people: People): Finding[] {
  return (Object.keys(keyColumns) as Table[]).flatMap((table) => {
    const wamidOf = ({ wamid }: Row) => (typeof wamid === 'string' ? wamid : '');
    const own = evidence.tables[table].filter((row) => !evidence.foreign.has(wamidOf(row)));
    return checkTable(table, own, tables[table], people);
  });
}

function checkTable(
  table: Table,
  found: readonly Row[],
  expected: readonly Row[],
  people: People,
): Finding[] {
  const columns: readonly string[] = keyColumns[table];
  const rowKey = (row: Row) => columns.map((column) => String(row[column])).join('\n');
  const shown = (row: Row, column: string) => {
    const value = String(row[column]);
    return column === 'identity' ? (people.get(value) ?? digestOf(value)) : value;
  };
  const show = (row: Row) => `${table} ${columns.map((column) => shown(row, column)).join('/')}`;
  const foundRows = groupBy(found, rowKey);
  const expectedRows = new Map(expected.map((row) => [rowKey(row), row]));
  const missing = expected.filter((row) => !foundRows.has(rowKey(row)));
  return [
    ...missing.map((row): Finding => ['lost', `${show(row)}: no row`]),
    ...[...foundRows].flatMap(([key, [row, ...others]]): Finding[] => {
      if (row === undefined) return [];
      const model = expectedRows.get(key);
      if (model === undefined) return [['invented', show(row)]];
      const wrong = [row, ...others].flatMap((one) => differingColumns(one, model));
      return [
        ...(others.length > 0
          ? [['projectedTwice', `${show(row)}: ${others.length + 1} rows`] as const]
          : []),
        ...(wrong.length > 0
          ? [['differing', `${show(row)}: ${[...new Set(wrong)].join(', ')}`] as const]
          : []),
      ];
    }),
  ];
}

function differingColumns(row: Row, model: Row): string[] {
  return Object.keys({ ...model, ...row }).filter((column) => row[column] !== model[column]);
}

/** Every fact is told, and always in the same words under the same id: so whoever reads it again knows. */
function checkEvents(evidence: InboundEvidence, { facts }: Model): Finding[] {
  const told = evidence.events.flatMap((event) => {
    const recognised = recogniseEvent(event);
    return recognised !== undefined && isForeign(evidence, recognised) ? [] : [{ ...event, recognised }];
  });
  const known = told.flatMap((event) => {
    const fact = facts.get(event.recognised?.key ?? '');
    return fact === undefined ? [] : [{ ...event, fact }];
  });
  const heardOf = new Set(known.map(({ fact }) => fact));
  const untold = [...facts.values()].filter((fact) => !heardOf.has(fact));
  const invented = told.filter(({ recognised }) => !facts.has(recognised?.key ?? ''));
  const ids = groupBy(known, ({ id }) => id);
  return [
    ...untold.map(({ name }): Finding => ['untold', name]),
    ...invented.map(({ id, type }): Finding => ['invented', `${type} ${id}`]),
    ...known
      .filter(({ recognised, value, fact }) => !saysWhatMetaSaid(fact, recognised?.content, value))
      .map(({ fact }): Finding => ['differing', `${fact.name}: its event`]),
    ...[...ids.values()]
      .filter(haveTwoContents)
      .map(([one]): Finding => ['projectedTwice', `${one?.fact.name ?? ''}: one event id with two contents`]),
    ...[...groupBy(known, ({ fact }) => fact.name).values()]
      .filter((some) => new Set(some.map(({ id }) => id)).size > 1)
      .map(([one]): Finding => ['projectedTwice', `${one?.fact.name ?? ''}: under two event ids`]),
  ];
}

function saysWhatMetaSaid(fact: Fact, content: string | undefined, value: string): boolean {
  return content !== undefined && fact.contents.has(content) && value.includes(fact.json);
}

function haveTwoContents(
  events: readonly { readonly fact: Fact; readonly recognised: { readonly content: string } | undefined }[],
): boolean {
  return new Set(events.map(({ fact, recognised }) => `${fact.name} ${recognised?.content ?? ''}`)).size > 1;
}

/**
 * What is promised: what one receiver took of one person under one key reaches the log in the order in which it came, through the spool too, and
 * is told in the order of the log, for as long as it is told under one contact. So nothing is said of what two receivers were asked to take (one may
 * hold a message in its spool while the other writes the next one), nor of a person whose phone is told now and then (two keys lie in two partitions),
 * and the same goes for the events before and after the person's two identities became one contact. Repeats come at any time: the first counts.
 */
function checkOrder(evidence: InboundEvidence): Finding[] {
  const posts = postsOf(evidence);
  const findLate = (topic: string, told: readonly { readonly key: string; readonly item: string }[]) => {
    const seen = new Set<string>();
    const last = new Map<string, Post>();
    return told.flatMap(({ key, item }): Finding[] => {
      const post = posts.get(item);
      if (post === undefined || seen.has(`${key}\n${item}`)) return [];
      seen.add(`${key}\n${item}`);
      const line = [key, recordKeyOf(post.message), post.receiver].join('\n');
      const before = last.get(line);
      if (before !== undefined && before.place > post.place)
        return [['reordered', `${post.message.wamid}: behind ${before.message.wamid} in ${topic}`]];
      last.set(line, post);
      return [];
    });
  };
  return [
    ...findLate(
      'whatsapp.webhooks',
      evidence.records.map(({ key, value }) => ({ key, item: recogniseRecord(value)?.key ?? '' })),
    ),
    ...findLate(
      'whatsapp.events',
      evidence.events
        .filter(({ type }) => type === 'whatsapp.message.received.v1')
        .map((event) => ({ key: event.key, item: recogniseEvent(event)?.key ?? '' })),
    ),
  ];
}

/** A message that one receiver alone was asked to take, in whatever bodies, and took; and where it was first in the order of all that was posted. */
type Post = { readonly message: InboundMessage; readonly place: number; readonly receiver: string };

function postsOf(evidence: InboundEvidence): Map<string, Post> {
  const posts = new Map<string, Post>();
  const elsewhere = new Set<string>();
  let place = 0;
  for (const [index, { items }] of evidence.plan.entries()) {
    const { firstAt, tried = [], acknowledgedBy: receiver } = evidence.history[index] ?? {};
    for (const item of items) {
      if (item.kind !== 'message' || firstAt === undefined) continue;
      const key = keyOf(item);
      const post = posts.get(key) ?? { message: item, place: place++, receiver: receiver ?? '' };
      posts.set(key, post);
      if (tried.some((one) => one !== post.receiver)) elsewhere.add(key);
    }
  }
  return new Map([...posts].filter(([key]) => !elsewhere.has(key)));
}

/** Anything but 200 and 503 would be Meta's fault, and Meta makes none here; but a body that does not arrive is waited for no longer than 408 says. */
function checkAnswers({ history, held }: InboundEvidence): Finding[] {
  const wasHeld = ({ firstAt = 0, acknowledgedAt = Infinity }: Offer) =>
    held.some(({ from, until }) => from <= acknowledgedAt && firstAt <= until);
  return history.flatMap((offer, place) =>
    Object.entries(offer.answers)
      .filter(([status]) => status !== '200' && status !== '503' && !(status === '408' && wasHeld(offer)))
      .map(([status, count]): Finding => ['refused', `body ${place}: ${count} × ${status}`]),
  );
}
