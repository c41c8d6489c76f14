import { topics } from '@talaria/contracts';
import { type KafkaRecord, type RecordBatch } from '@talaria/kafka';
import { type Rows } from '../src/webhooks/rows';

/** Builders for specs: Meta's shapes as its documentation has them, and the records that carry them. */

type Fields = Readonly<Record<string, unknown>>;

export const WABA = '102290129340398';
export const NUMBER = '106540352242922';
export const PHONE = '16505551234';
export const USER_ID = 'US.13491208655302741918';
export const SECONDS = 1_749_416_383;

export function aMessage(type: string, fields: Fields = {}): Fields {
  return { from: PHONE, id: `wamid.${type}`, timestamp: String(SECONDS), type, ...fields };
}

export function aTextMessage({ text = 'Hello', ...fields }: Fields = {}): Fields {
  return aMessage('text', { text: { body: text }, ...fields });
}

export function aStatus(fields: Fields = {}): Fields {
  return {
    id: 'wamid.out',
    status: 'sent',
    timestamp: String(SECONDS),
    recipient_id: PHONE,
    ...fields,
  };
}

export type Notification = {
  readonly wabaId?: string;
  readonly phoneNumberId?: string;
  readonly field?: string;
  readonly time?: unknown;
  readonly value: Fields;
};

export function aNotification({ value, ...rest }: Notification): Fields {
  const { wabaId = WABA, phoneNumberId = NUMBER, field = 'messages', time } = rest;
  const metadata = { display_phone_number: '+1 650 555 0000', phone_number_id: phoneNumberId };
  const change = { value: { messaging_product: 'whatsapp', metadata, ...value }, field };
  return { object: 'whatsapp_business_account', entry: [{ id: wabaId, time, changes: [change] }] };
}

export function aRecord(fields: Partial<KafkaRecord> = {}): KafkaRecord {
  return {
    topic: topics.webhooks.name,
    partition: 0,
    offset: 0,
    timestamp: SECONDS * 1000 + 5000,
    key: Buffer.from(PHONE),
    value: Buffer.from('{}'),
    headers: {},
    ...fields,
  };
}

export function aWebhook(notification: Notification, fields: Partial<KafkaRecord> = {}): KafkaRecord {
  return aRecord({ value: Buffer.from(JSON.stringify(aNotification(notification))), ...fields });
}

export type Dispatch = { readonly state: string; readonly time?: string; readonly data?: Fields };

export function aDispatch(
  { state, time = '2026-06-01T10:00:00.000Z', data }: Dispatch,
  fields: Partial<KafkaRecord> = {},
): KafkaRecord {
  const told = {
    wabaId: WABA,
    phoneNumberId: NUMBER,
    commandId: 'command-1',
    version: 1,
    attempt: 1,
    ...data,
  };
  return aRecord({
    topic: topics.dispatches.name,
    key: Buffer.from(WABA),
    value: Buffer.from(JSON.stringify(told)),
    headers: { ce_type: `whatsapp.dispatch.${state}.v1`, ce_time: time },
    ...fields,
  });
}

/** A batch of one partition as the consumer hands it out, its records numbered from `firstOffset`. */
export function aBatch(
  records: readonly KafkaRecord[],
  { firstOffset = 0, ...fields }: Partial<RecordBatch> & { readonly firstOffset?: number } = {},
): RecordBatch {
  const numbered = records.map((record, index) => ({ ...record, offset: firstOffset + index }));
  return {
    topic: topics.webhooks.name,
    partition: 0,
    records: numbered,
    highWatermark: firstOffset + records.length,
    next: firstOffset + records.length,
    lost: new AbortController().signal,
    isOurs: () => true,
    alive: () => undefined,
    done: () => undefined,
    ...fields,
  };
}

/** The rows that items become, each with its kind; what an item does to others, and who was seen, is left out. */
export function mainRows(rows: Rows | undefined) {
  return (
    rows && [
      ...rows.forms.map((row) => ({ kind: 'message' as const, ...row })),
      ...rows.statuses.map((row) => ({ kind: 'status' as const, ...row })),
      ...rows.changes.map((row) => ({ kind: 'change' as const, ...row })),
      ...rows.unknown.map(({ itemHash, seenAt, item }) => ({
        kind: 'unknown' as const,
        itemHash,
        seenAt,
        item,
      })),
    ]
  );
}
