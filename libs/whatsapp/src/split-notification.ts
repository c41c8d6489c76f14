import { elementsAt, membersAt, rootOf, textOf, type Member, type Span } from './json-spans';

/**
 * One message, status or other change of a notification, in an envelope of its own.
 * `kind`: `message` (a person's), `echo` (sent by hand in the WhatsApp Business app), `status`, `change` (any other webhook field), `unknown` (no field that we could find).
 */
export type Item = {
  readonly kind: 'message' | 'echo' | 'status' | 'change' | 'unknown';
  /** Meta's webhook field; undefined for `unknown`. */
  readonly field?: string;
  readonly wabaId?: string;
  readonly phoneNumberId?: string;
  /** The person it is about: sender of a message, recipient of a status. */
  readonly phone?: string;
  readonly userId?: string;
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
const MAX_ENVELOPE_BYTES = 64 * 1024 * 1024;
/** How many members around them, or contacts beside them, all items together may be compared with: thousands of repeated keys would take minutes. */
const MAX_LOOKS = 5_000_000;

/** Where an item stands: the members on the way to it, outermost first, and the element or value that is the item. */
type Place = { readonly kind: Item['kind']; readonly path: readonly Step[]; readonly item: Span };
type Step = { readonly members: readonly Member[]; readonly taken: Member };

/**
 * Splits a notification into its items. Nothing is lost and nothing invented: every message, status and change comes out exactly
 * once, its own bytes unchanged. A body that is one item is passed on as it is; otherwise each gets the envelope around it, with the contacts
 * that it refers to (a contact that nothing refers to goes with the first item of its change). What has no items, or not the shape of a notification, is one item of its own;
 * so is a body whose items would be too many (10 000) or together too large (64 MiB, because what is around them is repeated with each), or take too long to tell apart.
 * @param body a JSON text
 * @returns undefined when the body is not JSON
 */
export function splitNotification(body: Buffer): Item[] | undefined {
  try {
    JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  const json = body.toString('latin1');
  const root = rootOf(json);
  const places = findItems(json, root);
  const only = places.length === 1 ? places[0] : undefined;
  if (only?.path.every(({ members }) => isPlain(members))) return [describe(json, only, body, body)];
  const envelopes = places.length > MAX_ITEMS ? undefined : envelopesOf(json, places);
  if (envelopes === undefined) return [describe(json, { kind: 'unknown', path: [], item: root }, body, body)];
  return places.map((place, index) => describe(json, place, body, envelopes[index] ?? body));
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

function findItems(json: string, root: Span): Place[] {
  const entries = descend(json, membersAt(json, root.start), [], 'entry');
  const places = entries.flatMap((entry) => {
    const changes = descend(json, membersAt(json, entry.item.start), entry.path, 'changes');
    return changes.length === 0 ? [entry] : changes.flatMap((change) => itemsOfChange(json, change));
  });
  return places.length === 0 ? [{ kind: 'unknown', path: [], item: root }] : places;
}

/** The elements of every array named `key` among the members of an object. */
function descend(
  json: string,
  members: readonly Member[] | undefined,
  path: readonly Step[],
  key: string,
  kind: Item['kind'] = 'unknown',
): Place[] {
  if (members === undefined) return [];
  return members
    .filter((member) => member.key === key)
    .flatMap((taken) =>
      (elementsAt(json, taken.value.start) ?? []).map((item) => ({
        kind,
        path: [...path, { members, taken }],
        item,
      })),
    );
}

function itemsOfChange(json: string, change: Place): Place[] {
  const members = membersAt(json, change.item.start) ?? [];
  const values = members.filter(({ key }) => key === 'value');
  const items = values.flatMap((taken) => {
    const inner = membersAt(json, taken.value.start);
    const path = [...change.path, { members, taken }];
    return Object.entries(itemArrays).flatMap(([key, kind]) => descend(json, inner, path, key, kind));
  });
  if (items.length > 0) return items;
  return [{ ...change, kind: members.some(({ key }) => key === 'field') ? 'change' : 'unknown' }];
}

/** The envelope with only this item in it: at each step the other members stay, and the way to the item replaces the array that held it. */
function rebuild(json: string, { path, item }: Place, contacts: readonly string[] | undefined): string {
  return path.reduceRight(
    (inner, { members, taken }) => {
      const isArray = json[taken.value.start] === '[';
      const parts = members.flatMap((member) => {
        if (member === taken) return [`${JSON.stringify(member.key)}:${isArray ? `[${inner}]` : inner}`];
        if (member.key === taken.key || (isItemLevel(taken) && holdsItems(json, member))) return [];
        if (member.key === 'contacts' && contacts !== undefined && isItemLevel(taken)) {
          return contacts.length === 0 ? [] : [`"contacts":[${contacts.join(',')}]`];
        }
        return [textOf(json, member.whole)];
      });
      return `{${parts.join(',')}}`;
    },
    textOf(json, item),
  );
}

function isItemLevel(taken: Member): boolean {
  return Object.hasOwn(itemArrays, taken.key);
}

function holdsItems(json: string, member: Member): boolean {
  return isItemLevel(member) && json[member.value.start] === '[';
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
      .flatMap(({ value }) => elementsAt(json, value.start) ?? [])
      .map((span) => textOf(json, span));
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
  contacts: readonly string[],
): Map<number, string[]> {
  const own = new Map<number, string[]>(indexes.map((index) => [index, []]));
  const byId = new Map<string, number[]>();
  for (const index of indexes) {
    const place = places[index];
    if (place === undefined) continue;
    for (const id of Object.values(partiesOf(place.kind, parse(json, place.item)))) {
      if (id !== undefined) append(byId, id, index);
    }
  }
  for (const contact of contacts) {
    const { wa_id: phone, user_id: userId } = asObject(JSON.parse(decode(contact)));
    const meant = new Set(
      [phone, userId].flatMap((id) => (typeof id === 'string' ? (byId.get(id) ?? []) : [])),
    );
    for (const index of meant.size === 0 ? indexes.slice(0, 1) : meant) own.get(index)?.push(contact);
  }
  return own;
}

function append<K>(lists: Map<K, number[]>, key: K, index: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [index]);
  else list.push(index);
}

function describe(json: string, place: Place, body: Buffer, envelope: Buffer): Item {
  const wabaId = wabaOf(json, place);
  const field = fieldOf(json, place);
  const { phone, userId } = partiesOf(place.kind, parse(json, place.item));
  const phoneNumberId = phoneNumberOf(json, place);
  return {
    kind: place.kind,
    ...(field !== undefined && { field }),
    ...(wabaId !== undefined && { wabaId }),
    ...(phoneNumberId !== undefined && { phoneNumberId }),
    ...(phone !== undefined && { phone }),
    ...(userId !== undefined && { userId }),
    bytes: body.subarray(place.item.start, place.item.end),
    envelope,
  };
}

/** `id` of the entry on the way to the item. */
function wabaOf(json: string, place: Place): string | undefined {
  return idOf(
    json,
    membersBelow(json, place, 'entry').findLast(({ key }) => key === 'id'),
  );
}

function fieldOf(json: string, place: Place): string | undefined {
  const field = membersBelow(json, place, 'changes').findLast(({ key }) => key === 'field');
  const value: unknown = field === undefined ? undefined : parse(json, field.value);
  return typeof value === 'string' ? value : undefined;
}

function phoneNumberOf(json: string, place: Place): string | undefined {
  const last = place.path.at(-1);
  const value = membersBelow(json, place, 'changes').findLast(({ key }) => key === 'value');
  const members =
    last !== undefined && isItemLevel(last.taken)
      ? last.members
      : value && membersAt(json, value.value.start);
  const metadata = members?.findLast(({ key }) => key === 'metadata');
  const inner = metadata && membersAt(json, metadata.value.start);
  return idOf(
    json,
    inner?.findLast(({ key }) => key === 'phone_number_id'),
  );
}

/** The members of the element of `array` that holds the item, or that is the item. */
function membersBelow(json: string, place: Place, array: 'entry' | 'changes'): readonly Member[] {
  const index = place.path.findIndex(({ taken }) => taken.key === array);
  if (index === -1) return [];
  return place.path[index + 1]?.members ?? membersAt(json, place.item.start) ?? [];
}

/** An id as text, digit by digit: a JSON number beyond 2^53 keeps all of them. */
function idOf(json: string, member: Member | undefined): string | undefined {
  if (member === undefined) return undefined;
  const raw = textOf(json, member.value);
  if (/^\d+$/.test(raw)) return raw;
  const value: unknown = raw.startsWith('"') ? JSON.parse(decode(raw)) : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The person an item is about. */
function partiesOf(
  kind: Item['kind'],
  item: unknown,
): { phone?: string | undefined; userId?: string | undefined } {
  const fields = asObject(item);
  switch (kind) {
    case 'message':
      // A system message about a new user id may come without a sender: then only its own object names the person.
      return {
        phone: filled(fields.from) ?? filled(asObject(fields.system).wa_id),
        userId: filled(fields.from_user_id) ?? filled(asObject(fields.system).user_id),
      };
    case 'status':
      return { phone: filled(fields.recipient_id), userId: filled(fields.recipient_user_id) };
    case 'echo':
      return { phone: filled(fields.to), userId: filled(fields.to_user_id) };
    case 'change':
      return {
        phone: filled(fields.wa_id),
        userId: filled(fields.user_id) ?? filled(asObject(fields.user_id).current),
      };
    case 'unknown':
      return {};
  }
}

function filled(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function parse(json: string, span: Span): unknown {
  return JSON.parse(decode(textOf(json, span)));
}

/** Bytes, seen as characters, back to text. */
function decode(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
