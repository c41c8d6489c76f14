import { createHash } from 'node:crypto';
import { headers, parseCallbackData } from '@talaria/contracts';
import { monthOf, NO_MONTH } from '@talaria/database';
import { type KafkaRecord } from '@talaria/kafka';
import { type Item, memberBytes, splitNotification } from '@talaria/whatsapp';
import { statesOfChange } from '../accounts/states-of-change';
import { effectsOf } from './effects-of-message';
import {
  clean,
  cleanOrNull,
  type Fields,
  fieldsOf,
  isPlausible,
  list,
  parse,
  phone,
  text,
  time,
  userIdOf,
  wholeNumber,
} from './read-json';
import { type ChangeRow, joinRows, type MessageForm, noRows, type Rows, type StatusRow } from './rows';
import { mediaOf, textOfMessage } from './content-of-message';
import { upcastMessage, upcastStatus } from './upcast';

/**
 * Meta's language into ours: a record of `whatsapp.webhooks` into rows. The one place where webhooks are read. What misses the ids that
 * a row needs is kept whole as unknown; nothing is thrown away.
 * @returns undefined when the record is not JSON
 */
export function translateWebhook(record: KafkaRecord): Rows | undefined {
  const items = record.value === null ? undefined : splitNotification(record.value);
  const arrivedAt = arrivalOf(record);
  return items && joinRows(items.map((item) => translateItem(item, arrivedAt)));
}

function translateItem(item: Item, arrivedAt: Date): Rows {
  switch (item.kind) {
    case 'message':
    case 'echo':
      return messageRows(item, arrivedAt) ?? unknownRows(item, arrivedAt);
    case 'status':
      return statusRows(item, arrivedAt) ?? unknownRows(item, arrivedAt);
    case 'change':
      return changeRows(item, arrivedAt) ?? unknownRows(item, arrivedAt);
    case 'unknown':
      return unknownRows(item, arrivedAt);
  }
}

function messageRows(item: Item, arrivedAt: Date): Rows | undefined {
  const message = upcastMessage(fieldsOf(parse(item.bytes)));
  const wamid = text(message.id);
  if (wamid === null || item.phoneNumberId === undefined) return undefined;
  const isEcho = item.kind === 'echo';
  const messageAt = notAfter(time(message.timestamp), arrivedAt);
  const at = earlier(messageAt, arrivedAt);
  const contact = contactBeside(item);
  const person = personOf(item);
  const profile = profileOf(contact);
  const key = { phoneNumberId: clean(item.phoneNumberId), wamid, month: monthOf(at) };
  const direction = isEcho ? 'outbound' : 'inbound';
  const groupId = text(message.group_id);
  const form: MessageForm = {
    // A literal that begins with what it spreads costs twenty times as much in this V8: a microsecond for each property after it.
    direction,
    ...key,
    ...person,
    contactName: profile.name,
    isOurs: item.field !== 'standby',
    arrivedAt,
    groupId,
    type: text(message.type) ?? 'unknown',
    text: text(textOfMessage(message)),
    ...mediaOf(message),
    contextWamid: text(fieldsOf(message.context).id),
    messageAt,
    isEcho,
    item: item.bytes,
  };
  const isSaid = groupId === null && !UNSAID.has(form.type);
  const phoneNumberId = isSaid ? key.phoneNumberId : null;
  const identities = identitiesOf(person, contact, message);
  return {
    ...noRows,
    ...effectsOf(message, { direction, at, ...key, ...person }),
    forms: [form],
    sightings: sighting(person.wabaId, identities, { at, phoneNumberId, direction, ...profile }),
    displayNumbers: displayNumberOf(item, arrivedAt),
  };
}

/** What Meta tells in the form of a message: nobody has written, and no service window opens. */
const UNSAID = new Set(['system', 'request_welcome']);

function statusRows(item: Item, arrivedAt: Date): Rows | undefined {
  const told = upcastStatus(fieldsOf(parse(item.bytes)));
  const wamid = text(told.id);
  const status = text(told.status);
  if (wamid === null || status === null || item.phoneNumberId === undefined) return undefined;
  if (isOfACall(item, wamid)) return changeRows(item, arrivedAt);
  const error = fieldsOf(list(told.errors)[0]);
  const pricing = fieldsOf(told.pricing);
  const callback = parseCallbackData(text(told.biz_opaque_callback_data) ?? undefined);
  const statusAt = notAfter(time(told.timestamp), arrivedAt) ?? arrivedAt;
  const isGroup = told.recipient_type === 'group';
  const participant = text(told.recipient_participant_id) ?? text(told.recipient_participant_user_id);
  const person = isGroup
    ? {
        wabaId: cleanOrNull(item.wabaId),
        contactPhone: phone(told.recipient_participant_id),
        contactUserId: userIdOf(told.recipient_participant_user_id),
      }
    : personOf(item);
  const row: StatusRow = {
    phoneNumberId: clean(item.phoneNumberId),
    wamid,
    ...person,
    month: monthOf(earlier(statusAt, arrivedAt)),
    status,
    participant: participant ?? '-',
    statusAt,
    errorCode: wholeNumber(error.code),
    errorTitle: text(error.title),
    pricingBillable: typeof pricing.billable === 'boolean' ? pricing.billable : null,
    pricingModel: text(pricing.pricing_model),
    pricingType: text(pricing.type),
    pricingCategory: text(pricing.category),
    commandId: callback?.commandId ?? null,
    attempt: callback?.attempt ?? null,
    item: item.bytes,
  };
  const { phoneNumberId, month, commandId } = row;
  const contact = contactBeside(item);
  return {
    ...noRows,
    statuses: [row],
    facts: [
      {
        phoneNumberId,
        wamid,
        month,
        direction: 'outbound',
        fact: status,
        at: statusAt,
        commandId,
        // A message to a group is nobody's in it.
        ...(isGroup ? { ...person, contactPhone: null, contactUserId: null } : person),
      },
    ],
    sightings: sighting(person.wabaId, identitiesOf(person, contact, {}), {
      at: earlier(statusAt, arrivedAt),
      phoneNumberId: status === 'sent' && !isGroup ? phoneNumberId : null,
      direction: 'outbound',
      ...profileOf(contact),
    }),
    displayNumbers: displayNumberOf(item, arrivedAt),
  };
}

/** The status of a call looks like that of a message, and is none. */
function isOfACall({ field }: Item, id: string): boolean {
  return field === 'calls' || id.startsWith('wacid.');
}

function changeRows(item: Item, arrivedAt: Date): Rows | undefined {
  if (item.field === undefined || item.wabaId === undefined) return undefined;
  const entry = fieldsOf(list(fieldsOf(parse(item.envelope)).entry)[0]);
  const told = fieldsOf(parse(item.bytes));
  const entryTime = time(told.timestamp) ?? time(entry.time);
  const changedAt = notAfter(entryTime, arrivedAt);
  const hash = createHash('sha256')
    .update(JSON.stringify([item.field, changedAt, item.phoneNumberId]))
    .update(item.bytes);
  const wabaId = clean(item.wabaId);
  const field = clean(item.field);
  const person = personOf(item);
  const row: ChangeRow = {
    ...person,
    wabaId,
    changeHash: hash.digest(),
    // The hash covers the time: the same change always lies in the same month.
    month: changedAt === null ? NO_MONTH : monthOf(changedAt),
    field,
    phoneNumberId: cleanOrNull(item.phoneNumberId),
    changedAt,
    item: item.bytes,
    // Elements of a list, unlike whole changes, have no field of their own.
    value: (told.field === undefined ? undefined : memberBytes(item.bytes, 'value')) ?? item.bytes,
  };
  const states = statesOfChange(field, fieldsOf(told.value), item.bytes);
  return {
    ...noRows,
    changes: [row],
    states: states.map((state) => ({ ...state, wabaId, toldAt: changedAt ?? arrivedAt })),
    sightings: sighting(wabaId, identitiesOf(person, {}, told), {
      name: null,
      username: null,
      at: changedAt ?? arrivedAt,
      phoneNumberId: null,
      direction: 'inbound',
    }),
  };
}

const DAY_MS = 86_400_000;

function unknownRows(item: Item, arrivedAt: Date): Rows {
  const itemHash = createHash('sha256').update(item.envelope).digest();
  return { ...noRows, unknown: [{ itemHash, seenAt: arrivedAt, item: item.envelope, field: item.field }] };
}

function personOf(item: Item) {
  return {
    wabaId: cleanOrNull(item.wabaId),
    contactPhone: phone(item.phone),
    // Where a phone should be Meta may put a user id, which begins with the country.
    contactUserId:
      userIdOf(item.userId) ?? (/^[A-Z]{2}\./.test(item.phone ?? '') ? userIdOf(item.phone) : null),
  };
}

/** The contact that Meta sent along; matched by id, never by place. */
function contactBeside(item: Item): Fields {
  const contact = list(item.contacts && parse(item.contacts))
    .map(fieldsOf)
    .find(({ wa_id: waId, user_id: userId }) => isSame(waId, item.phone) || isSame(userId, item.userId));
  return contact ?? {};
}

/** Of two ids that are missing, nobody knows whether they are the same. */
function isSame(one: unknown, other: string | undefined): boolean {
  return other !== undefined && one === other;
}

/**
 * Everything that names the person: the item itself, the contact beside it, and what tells of a new number or id (`system` in a
 * message, `user_id` in an update of ids).
 */
function identitiesOf(
  {
    contactPhone,
    contactUserId,
  }: { readonly contactPhone: string | null; readonly contactUserId: string | null },
  contact: Fields,
  told: Fields,
): string[] {
  const system = told.type === 'system' ? fieldsOf(told.system) : {};
  const isMoved = system.type === 'user_changed_number' || system.type === 'user_changed_user_id';
  const updated = fieldsOf(told.user_id);
  const all = [
    ...[contactPhone, contactUserId, phone(contact.wa_id), userIdOf(contact.user_id)],
    ...(isMoved ? [phone(system.wa_id), userIdOf(system.user_id)] : []),
    ...[userIdOf(updated.previous), userIdOf(updated.current)],
  ];
  return [...new Set(all.filter((identity) => identity !== null))];
}

function sighting(
  wabaId: string | null,
  identities: readonly string[],
  rest: Omit<Rows['sightings'][number], 'wabaId' | 'identities'>,
): Rows['sightings'] {
  return identities.length === 0 ? [] : [{ wabaId: wabaId ?? '', identities, ...rest }];
}

function profileOf(contact: Fields): { name: string | null; username: string | null } {
  const profile = fieldsOf(contact.profile);
  return { name: text(profile.name), username: text(profile.username) };
}

function displayNumberOf(item: Item, arrivedAt: Date): Rows['displayNumbers'] {
  const { phoneNumberId, wabaId } = item;
  const displayPhoneNumber = phone(item.displayPhoneNumber);
  if (displayPhoneNumber === null || phoneNumberId === undefined) return [];
  const seenOn = arrivedAt.toISOString().slice(0, 10);
  return [
    {
      phoneNumberId: clean(phoneNumberId),
      wabaId: cleanOrNull(wabaId) ?? '',
      displayPhoneNumber,
      seenOn,
    },
  ];
}

/** When the webhook arrived: for what has no time of its own, and because nothing happened after we heard of it. */
function arrivalOf(record: KafkaRecord): Date {
  const received = Date.parse(record.headers[headers.receivedAt] ?? '');
  return new Date(isPlausible(received) ? received : record.timestamp);
}

/** What is said to have happened long after we heard of it has no time that we believe; clocks may differ by a day. */
function notAfter(at: Date | null, arrivedAt: Date): Date | null {
  return at !== null && at.getTime() < arrivedAt.getTime() + DAY_MS ? at : null;
}

function earlier(one: Date | null, other: Date): Date {
  return one !== null && one < other ? one : other;
}
