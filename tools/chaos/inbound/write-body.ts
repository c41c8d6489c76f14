import { metaJson } from '../../../apps/simulator/src/webhooks/meta-json';
import { groupBy } from '../group-by';
import { type InboundItem, type InboundMessage, inboundNumbers, type InboundNumber } from './items';

/** An integer as JSON writes it, however long; only for {@link writeJson}. */
export function longNumber(digits: string): string {
  return `#long#${digits}#`;
}

/** JSON in Meta's bytes, or in plain UTF-8, which some deployments see. */
export function writeJson(value: unknown, isEscaped: boolean): string {
  const json = isEscaped ? metaJson(value) : JSON.stringify(value);
  return json.replace(/"#long#(\d+)#"/g, '$1');
}

/** An item, and whether it has to stand in a change of its own in this body. */
export type Placed = { readonly item: InboundItem; readonly isAlone: boolean };

/**
 * A notification around these items: an entry for each account, in it a change for each number and, of what has none, for each item. What is
 * beside an item belongs to it, so nobody is in one change twice in different guises.
 * @returns also the items in the order of the text
 */
export function writeBody(placed: readonly Placed[]): { body: string; items: InboundItem[] } {
  const entries: Written[] = [];
  for (const [wabaId, some] of groupBy(placed, ({ item }) => item.wabaId)) {
    const [changes, rest] = split(some, ({ item }) => item.kind === 'change');
    const writers = new Set(rest.flatMap(({ item }) => (item.kind === 'message' ? [item.person] : [])));
    const places = new Map(rest.map((one, index) => [one, placeOf(one, index, writers)]));
    const groups = [...groupBy(rest, (one) => places.get(one) ?? '').values()];
    const together = groups.map((group) => changeOf(group.map(({ item }) => item)));
    const texts = together.map(({ text }) => text);
    if (texts.length > 0)
      entries.push({
        text: `{"id":"${wabaId}","changes":[${texts.join(',')}]}`,
        items: together.flatMap(({ items }) => items),
      });
    // The time of an entry is that of all changes in it.
    for (const { item } of changes) entries.push({ text: entryOf(item), items: [item] });
  }
  const texts = entries.map(({ text }) => text);
  return {
    body: `{"object":"whatsapp_business_account","entry":[${texts.join(',')}]}`,
    items: entries.flatMap(({ items }) => items),
  };
}

type Written = { readonly text: string; readonly items: readonly InboundItem[] };

function placeOf({ item, isAlone }: Placed, index: number, writers: ReadonlySet<number | undefined>): string {
  if (isAlone) return `alone ${index}`;
  const isBesideOwn = item.kind === 'status' && writers.has(item.person);
  return `${item.phoneNumberId ?? ''}${isBesideOwn ? ' beside' : ''}`;
}

function changeOf(all: readonly InboundItem[]): Written {
  const [messages, statuses] = split(all, ({ kind }) => kind === 'message');
  const contacts = new Map(
    messages.flatMap((item) => (item.kind === 'message' ? [[item.person, contactOf(item)] as const] : [])),
  );
  const parts = [
    ...headOf(all[0]),
    ...arrayOf('contacts', [...contacts.values()]),
    ...arrayOf(
      'messages',
      messages.map(({ json }) => json),
    ),
    ...arrayOf(
      'statuses',
      statuses.map(({ json }) => json),
    ),
  ];
  return { text: `{"value":{${parts.join(',')}},"field":"messages"}`, items: [...messages, ...statuses] };
}

function arrayOf(name: string, elements: readonly string[]): string[] {
  return elements.length === 0 ? [] : [`"${name}":[${elements.join(',')}]`];
}

/** A change is either whole an item, or a list of which one element is it. */
function entryOf(item: InboundItem): string {
  if (item.kind === 'change' && item.value === item.json) {
    const value = `{${[...headOf(item), ...arrayOf(item.field, [item.json])].join(',')}}`;
    return `{"id":"${item.wabaId}","changes":[{"value":${value},"field":"${item.field}"}]}`;
  }
  return `{"id":"${item.wabaId}","time":${item.at},"changes":[${item.json}]}`;
}

function headOf(item: InboundItem | undefined): string[] {
  const number = inboundNumbers.find(({ phoneNumberId }) => phoneNumberId === item?.phoneNumberId);
  return number === undefined ? [] : ['"messaging_product":"whatsapp"', `"metadata":${metadataOf(number)}`];
}

function metadataOf({ displayPhoneNumber, phoneNumberId }: InboundNumber): string {
  return `{"display_phone_number":"${displayPhoneNumber}","phone_number_id":"${phoneNumberId}"}`;
}

function contactOf({ name, phone, userId }: InboundMessage): string {
  return metaJson({
    profile: { name },
    ...(phone !== null && { wa_id: phone }),
    ...(userId !== null && { user_id: userId }),
  });
}

function split<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}
