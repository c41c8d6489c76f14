import { createHash } from 'node:crypto';
import { headers, parseCallbackData } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { type Item, splitNotification } from '@talaria/whatsapp';
import { type ChangeRow, type MessageRow, type StatusRow, type WebhookRow } from './rows';
import { textOfMessage } from './text-of-message';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Meta's language into ours: a record of `whatsapp.webhooks` into rows. The one place where webhooks are read. What misses the ids that
 * a row needs is kept whole as unknown; nothing is thrown away.
 * @returns undefined when the record is not JSON
 */
export function translateWebhook(record: KafkaRecord): WebhookRow[] | undefined {
  const items = record.value === null ? undefined : splitNotification(record.value);
  const arrivedAt = arrivalOf(record);
  return items?.map((item) => translateItem(item, arrivedAt));
}

function translateItem(item: Item, arrivedAt: Date): WebhookRow {
  switch (item.kind) {
    case 'message':
    case 'echo':
      return messageRow(item) ?? unknownRow(item);
    case 'status':
      return statusRow(item, arrivedAt) ?? unknownRow(item);
    case 'change':
      return changeRow(item) ?? unknownRow(item);
    case 'unknown':
      return unknownRow(item);
  }
}

function messageRow(item: Item): MessageRow | undefined {
  const message = fieldsOf(parse(item.bytes));
  const wamid = text(message.id);
  if (wamid === null || item.phoneNumberId === undefined) return undefined;
  return {
    kind: 'message',
    phoneNumberId: clean(item.phoneNumberId),
    wamid,
    wabaId: cleanOrNull(item.wabaId),
    direction: item.kind === 'echo' ? 'outbound' : 'inbound',
    contactPhone: cleanOrNull(item.phone),
    contactUserId: cleanOrNull(item.userId),
    contactName: contactName(item),
    type: text(message.type) ?? 'unknown',
    text: text(textOfMessage(message)),
    contextWamid: text(fieldsOf(message.context).id),
    messageAt: time(message.timestamp),
    isEcho: item.kind === 'echo',
    item: item.bytes,
  };
}

function statusRow(item: Item, arrivedAt: Date): StatusRow | undefined {
  const status = fieldsOf(parse(item.bytes));
  const wamid = text(status.id);
  const name = text(status.status);
  if (wamid === null || name === null || item.phoneNumberId === undefined) return undefined;
  const error = fieldsOf(list(status.errors)[0]);
  const callback = parseCallbackData(text(status.biz_opaque_callback_data) ?? undefined);
  return {
    kind: 'status',
    phoneNumberId: clean(item.phoneNumberId),
    wamid,
    status: name,
    participant: text(status.recipient_participant_id) ?? text(status.recipient_participant_user_id) ?? '-',
    wabaId: cleanOrNull(item.wabaId),
    contactPhone: cleanOrNull(item.phone),
    contactUserId: cleanOrNull(item.userId),
    statusAt: time(status.timestamp) ?? arrivedAt,
    errorCode: wholeNumber(error.code),
    errorTitle: text(error.title),
    commandId: callback?.commandId ?? null,
    attempt: callback?.attempt ?? null,
    item: item.bytes,
  };
}

function changeRow(item: Item): ChangeRow | undefined {
  if (item.field === undefined || item.wabaId === undefined) return undefined;
  const entry = fieldsOf(list(fieldsOf(parse(item.envelope)).entry)[0]);
  const changedAt = time(entry.time);
  const hash = createHash('sha256')
    .update(JSON.stringify([item.field, changedAt, item.phoneNumberId]))
    .update(item.bytes);
  return {
    kind: 'change',
    wabaId: clean(item.wabaId),
    changeHash: hash.digest(),
    field: clean(item.field),
    phoneNumberId: cleanOrNull(item.phoneNumberId),
    contactPhone: cleanOrNull(item.phone),
    contactUserId: cleanOrNull(item.userId),
    changedAt,
    item: item.bytes,
  };
}

function unknownRow(item: Item): WebhookRow {
  return {
    kind: 'unknown',
    itemHash: createHash('sha256').update(item.envelope).digest(),
    item: item.envelope,
  };
}

/** The profile name that Meta sent along; contacts are matched by id, never by place. */
function contactName(item: Item): string | null {
  const entry = fieldsOf(list(fieldsOf(parse(item.envelope)).entry)[0]);
  const value = fieldsOf(fieldsOf(list(entry.changes)[0]).value);
  const contact = list(value.contacts)
    .map(fieldsOf)
    .find(({ wa_id: phone, user_id: userId }) => isSame(phone, item.phone) || isSame(userId, item.userId));
  return text(fieldsOf(contact?.profile).name);
}

/** Of two ids that are missing, nobody knows whether they are the same. */
function isSame(one: unknown, other: string | undefined): boolean {
  return other !== undefined && one === other;
}

/** When the webhook arrived: for a status whose own time cannot be read. */
function arrivalOf(record: KafkaRecord): Date {
  const received = Date.parse(record.headers[headers.receivedAt] ?? '');
  return new Date(Number.isNaN(received) ? record.timestamp : received);
}

const EARLIEST_MS = Date.UTC(2009, 0);
const LATEST_MS = Date.UTC(2100, 0);

/** Meta's seconds, as text or number; values of 10^12 and more are milliseconds. Null for what cannot be a time. */
function time(value: unknown): Date | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const number = Number(value);
  const ms = number >= 1e12 ? number : number * 1000;
  return ms >= EARLIEST_MS && ms < LATEST_MS ? new Date(ms) : null;
}

function wholeNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value : null;
}

/** Text as Postgres gives it back: it takes no NUL, and half a surrogate pair would be replaced on the way. The raw bytes keep both. */
function clean(value: string): string {
  return value.replaceAll('\u0000', '\uFFFD').replace(/\p{Surrogate}/gu, '\uFFFD');
}

function cleanOrNull(value: string | undefined): string | null {
  return value === undefined ? null : clean(value);
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? clean(value) : null;
}

function parse(json: Buffer): unknown {
  return JSON.parse(json.toString('utf8'));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
