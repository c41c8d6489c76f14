import {
  lastMember,
  memberText,
  scanJson,
  type Shape,
  stringAt,
  textOf,
  type Member,
  type Value,
} from './json-spans';

/**
 * One message, status or other change of a notification, in an envelope of its own.
 * `kind`: `message` (a person's), `echo` (sent by hand in the WhatsApp Business app), `status`, `change` (any other webhook field), `unknown` (no field that we could find).
 */
export type Item = {
  readonly kind: 'message' | 'echo' | 'status' | 'change' | 'unknown';
  /** Meta's webhook field; undefined for `unknown`. */
  readonly field: string | undefined;
  readonly wabaId: string | undefined;
  readonly phoneNumberId: string | undefined;
  /** The person it is about: sender of a message, recipient of a status. */
  readonly phone: string | undefined;
  readonly userId: string | undefined;
  /** How the number is displayed, from the metadata beside the item. */
  readonly displayPhoneNumber: string | undefined;
  /** The contacts beside the item as they came, in JSON: of several items in a body, those of all. A view of the body. */
  readonly contacts: Buffer | undefined;
  /** The item's own bytes; a view of the body that was split. */
  readonly bytes: Buffer;
  /** A complete notification that holds this item only. */
  readonly envelope: Buffer;
};

/** The arrays of a change's value whose elements are items, and what they are. What stands beside them belongs to each. */
const itemArrays: Readonly<Record<string, Item['kind']>> = {
  messages: 'message',
  statuses: 'status',
  message_echoes: 'echo',
  user_preferences: 'change',
  user_id_update: 'change',
};

/** Meta puts up to 1000 updates into a body. What is far beyond that, or would grow so far beyond itself, is not split. */
const MAX_ITEMS = 10_000;
/** Half of what ingestion lets wait for Kafka or for the disk: all envelopes of a body must find room, or it would be refused each time that it comes. */
const MAX_ENVELOPE_BYTES = 16 * 1024 * 1024;
/** How many members around them, or contacts beside them, all items together may be compared with: thousands of repeated keys would take minutes. */
const MAX_LOOKS = 5_000_000;

/** What names the person of an item may be an object in it. */
const anItem: Shape = { system: {}, user_id: {} };
const aChangesValue: Shape = {
  ...Object.fromEntries(Object.keys(itemArrays).map((key) => [key, anItem])),
  contacts: {},
  metadata: {},
};
const aNotification: Shape = { entry: { changes: { value: aChangesValue, user_id: {} } } };

/** Where an item stands: the members on the way to it, outermost first, and the element or value that is the item. */
type Place = { readonly kind: Item['kind']; readonly path: readonly Step[]; readonly item: Value };
type Step = { readonly members: readonly Member[]; readonly taken: Member };

/**
 * Splits a notification into its items. Nothing is lost and nothing invented: every message, status and change comes out exactly
 * once, its own bytes unchanged. A body that is one item is passed on as it is; otherwise each gets the envelope around it, with the contacts
 * that it refers to (a contact that nothing refers to goes with the first item of its change). What has no items, or not the shape of a notification, is one item of its own;
 * so is a body whose items would be too many (10 000) or together too large (16 MiB, because what is around them is repeated with each), or take too long to tell apart: it is passed on whole, of the kind `unknown`, and nobody looks for the messages in it.
 * @param body a JSON text
 * @returns undefined when the body is not JSON
 */
export function splitNotification(body: Buffer): Item[] | undefined {
  // Bytes beyond ASCII may stand in strings only, and there all of them may: whether it is JSON does not depend on how they are read.
  const json = body.toString('latin1');
  if (!isJson(json)) return undefined;
  const root = scanJson(json, aNotification);
  const places = findItems(root);
  const only = places.length === 1 ? places[0] : undefined;
  if (only?.path.every(({ members }) => isPlain(members))) return [describe(json, only, body, body)];
  const envelopes = places.length > MAX_ITEMS ? undefined : envelopesOf(json, places);
  if (envelopes === undefined) return [describe(json, { kind: 'unknown', path: [], item: root }, body, body)];
  return places.map((place, index) => describe(json, place, body, envelopes[index] ?? body));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** @returns undefined when they would be too large together, or take too long */
function envelopesOf(json: string, places: readonly Place[]): Buffer[] | undefined {
  const looks = places.flatMap(({ path }) => path).reduce((sum, { members }) => sum + members.length, 0);
  const contacts = looks > MAX_LOOKS ? undefined : shareContacts(json, places);
  if (contacts === undefined) return undefined;
  const envelopes: Buffer[] = [];
  let bytes = 0;
  for (const [index, place] of places.entries()) {
    const envelope = Buffer.from(rebuild(json, place, contacts[index]), 'latin1');
    bytes += envelope.length;
    if (bytes > MAX_ENVELOPE_BYTES) return undefined;
    envelopes.push(envelope);
  }
  return envelopes;
}

/** A repeated key would let a reader see another item than the one that was cut out. */
function isPlain(members: readonly Member[]): boolean {
  return new Set(members.map(({ key }) => key)).size === members.length;
}

function findItems(root: Value): Place[] {
  const places: Place[] = [];
  for (const entry of elementsOf(root, [], 'entry')) {
    const changes = elementsOf(entry.item, entry.path, 'changes');
    if (changes.length === 0) places.push(entry);
    for (const change of changes) addItems(places, change);
  }
  return places.length === 0 ? [{ kind: 'unknown', path: [], item: root }] : places;
}

/** The elements of every array named `key` in the object `parent`. */
function elementsOf({ members = [] }: Value, path: readonly Step[], key: string): Place[] {
  const places: Place[] = [];
  for (const taken of members) {
    if (taken.key === key) addElements(places, 'unknown', path, { members, taken });
  }
  return places;
}

/** The items of a change; a change without any is one itself. */
function addItems(places: Place[], change: Place): void {
  const { members = [] } = change.item;
  const before = places.length;
  for (const taken of members) {
    if (taken.key !== 'value') continue;
    const path = [...change.path, { members, taken }];
    const { members: inner = [] } = taken.value;
    for (const array of inner) {
      const kind = Object.hasOwn(itemArrays, array.key) ? itemArrays[array.key] : undefined;
      if (kind !== undefined) addElements(places, kind, path, { members: inner, taken: array });
    }
  }
  if (places.length > before) return;
  const isChange = members.some(({ key }) => key === 'field');
  places.push({ ...change, kind: isChange ? 'change' : 'unknown' });
}

function addElements(places: Place[], kind: Item['kind'], path: readonly Step[], step: Step): void {
  const { elements } = step.taken.value;
  if (elements === undefined) return;
  const way = [...path, step];
  for (const item of elements) places.push({ kind, path: way, item });
}

/** The envelope with only this item in it: at each step the other members stay, and the way to the item replaces the array that held it. */
function rebuild(json: string, { path, item }: Place, contacts: readonly string[] | undefined): string {
  let inner = textOf(json, item);
  for (const step of path.toReversed()) {
    let parts = '';
    // One string that grows: lists of parts, and lists of these, took a quarter of the time of splitting a body.
    for (const member of step.members) {
      const part = rebuildMember(json, member, step.taken, inner, contacts);
      if (part !== undefined) parts += parts === '' ? part : `,${part}`;
    }
    inner = `{${parts}}`;
  }
  return inner;
}

/** @returns undefined for what does not go along */
function rebuildMember(
  json: string,
  member: Member,
  taken: Member,
  inner: string,
  contacts: readonly string[] | undefined,
): string | undefined {
  if (member === taken)
    return `${JSON.stringify(member.key)}:${taken.value.elements === undefined ? inner : `[${inner}]`}`;
  if (member.key === taken.key || (isItemLevel(taken) && holdsItems(member))) return undefined;
  if (member.key === 'contacts' && contacts !== undefined && isItemLevel(taken))
    return contacts.length === 0 ? undefined : `"contacts":[${contacts.join(',')}]`;
  return textOf(json, member);
}

function isItemLevel(taken: Member): boolean {
  return Object.hasOwn(itemArrays, taken.key);
}

function holdsItems(member: Member): boolean {
  return isItemLevel(member) && member.value.elements !== undefined;
}

/** For each place the contacts that go with it; undefined where they stay as they are, or in all when they are too many. */
function shareContacts(
  json: string,
  places: readonly Place[],
): (readonly string[] | undefined)[] | undefined {
  const groups = new Map<readonly Member[], number[]>();
  places.forEach((place, index) => {
    const step = place.path.at(-1);
    if (step === undefined || !isItemLevel(step.taken)) return;
    append(groups, step.members, index);
  });
  const shared: (readonly string[] | undefined)[] = places.map(() => undefined);
  let looks = 0;
  for (const [members, indexes] of groups) {
    const contacts = members
      .filter(({ key }) => key === 'contacts')
      .flatMap(({ value }) => value.elements ?? []);
    if (contacts.length === 0) continue;
    looks += contacts.length * indexes.length;
    if (looks > MAX_LOOKS) return undefined;
    for (const [index, own] of assignContacts(json, places, indexes, contacts)) shared[index] = own;
  }
  return shared;
}

function assignContacts(
  json: string,
  places: readonly Place[],
  indexes: readonly number[],
  contacts: readonly Value[],
): Map<number, string[]> {
  const own = new Map<number, string[]>(indexes.map((index) => [index, []]));
  const byId = new Map<string, number[]>();
  for (const index of indexes) {
    const place = places[index];
    if (place === undefined) continue;
    for (const id of Object.values(partiesOf(json, place))) {
      if (id !== undefined) append(byId, id, index);
    }
  }
  for (const contact of contacts) {
    const ids = [memberText(json, contact, 'wa_id'), memberText(json, contact, 'user_id')];
    const meant = new Set(ids.flatMap((id) => (id === undefined ? [] : (byId.get(id) ?? []))));
    const text = textOf(json, contact);
    for (const index of meant.size === 0 ? indexes.slice(0, 1) : meant) own.get(index)?.push(text);
  }
  return own;
}

function append<K>(lists: Map<K, number[]>, key: K, index: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [index]);
  else list.push(index);
}

function describe(json: string, place: Place, body: Buffer, envelope: Buffer): Item {
  const wabaId = idOf(json, lastMember(below(place, 'entry'), 'id'));
  const change = below(place, 'changes');
  const field = memberText(json, change, 'field');
  const { phone, userId } = partiesOf(json, place);
  const beside = valueAround(place, change);
  const metadata = lastMember(beside, 'metadata')?.value;
  const contacts = lastMember(beside, 'contacts')?.value;
  return {
    kind: place.kind,
    field,
    wabaId,
    phoneNumberId: idOf(json, lastMember(metadata, 'phone_number_id')),
    phone,
    userId,
    displayPhoneNumber: memberText(json, metadata, 'display_phone_number'),
    contacts: contacts && body.subarray(contacts.start, contacts.end),
    bytes: body.subarray(place.item.start, place.item.end),
    envelope,
  };
}

/** What stands beside the item, whichever value of its change that is in. */
function valueAround(place: Place, change: Level | undefined): Level | undefined {
  const last = place.path.at(-1);
  return last !== undefined && isItemLevel(last.taken) ? last : lastMember(change, 'value')?.value;
}

type Level = Pick<Value, 'members'>;

/** The element of `array` that holds the item, or that is the item. */
function below(place: Place, array: 'entry' | 'changes'): Level | undefined {
  const index = place.path.findIndex(({ taken }) => taken.key === array);
  return index === -1 ? undefined : (place.path[index + 1] ?? place.item);
}

/** An id as text, digit by digit: a JSON number beyond 2^53 keeps all of them. */
function idOf(json: string, member: Member | undefined): string | undefined {
  if (member === undefined) return undefined;
  const raw = textOf(json, member.value);
  return /^\d+$/.test(raw) ? raw : filled(stringAt(json, member.value));
}

/** The person an item is about. */
function partiesOf(
  json: string,
  { kind, item }: Place,
): { phone?: string | undefined; userId?: string | undefined } {
  const text = (key: string) => filled(memberText(json, item, key));
  const textWithin = (outer: string, key: string) =>
    filled(memberText(json, lastMember(item, outer)?.value, key));
  switch (kind) {
    case 'message':
      // A system message about a new user id may come without a sender: then only its own object names the person.
      return {
        phone: text('from') ?? textWithin('system', 'wa_id'),
        userId: text('from_user_id') ?? textWithin('system', 'user_id'),
      };
    case 'status':
      return { phone: text('recipient_id'), userId: text('recipient_user_id') };
    case 'echo':
      return { phone: text('to'), userId: text('to_user_id') };
    case 'change':
      return { phone: text('wa_id'), userId: text('user_id') ?? textWithin('user_id', 'current') };
    case 'unknown':
      return {};
  }
}

function filled(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
