import { createHash } from 'node:crypto';
import { type Fields } from '../cloud-api/field-checks';

/** The business number that an update is about. */
export type Sender = {
  readonly wabaId: string;
  readonly phoneNumberId: string;
  readonly displayPhoneNumber: string;
};

/** One thing that Meta tells: an inbound message, the status of an outbound one, or a change of an account. */
export type Content =
  | {
      readonly kind: 'message';
      readonly message: Fields & { readonly id: string };
      readonly contact?: Fields;
    }
  | { readonly kind: 'status'; readonly status: Fields & { readonly id: string; readonly status: string } }
  | { readonly kind: 'change'; readonly field: string; readonly value: Fields; readonly time: number };

export type Update = {
  readonly sender: Sender;
  readonly content: Content;
  /** When it came about, in milliseconds. */
  readonly at: number;
};

/** What a checker is told of an update that was answered with 200. */
export type AcknowledgedItem = {
  readonly kind: Content['kind'];
  readonly phoneNumberId: string;
  readonly id: string;
  readonly status?: string;
  /** When it came about, in milliseconds since 1970. */
  readonly at: number;
};

type Value = {
  messaging_product: 'whatsapp';
  metadata: { display_phone_number: string; phone_number_id: string };
  contacts?: Fields[];
  messages?: Fields[];
  statuses?: Fields[];
};
type Change = { value: Value | Fields; field: string };
type Entry = { id: string; time?: number; changes: Change[] };

/**
 * The body of one webhook: an entry for each WABA, in it a change for each number and for each account change. Updates
 * of one number keep their order within messages and within statuses.
 */
export function notificationOf(updates: readonly Update[]): { object: string; entry: Entry[] } {
  const entries = new Map<string, Entry>();
  const values = new Map<string, Value>();
  for (const { sender, content } of updates) {
    const entry = valueIn(entries, sender.wabaId, () => ({ id: sender.wabaId, changes: [] }));
    if (content.kind === 'change') {
      entry.time = content.time;
      entry.changes.push({ value: content.value, field: content.field });
      continue;
    }
    const value = valueIn(values, sender.phoneNumberId, () => {
      const empty = emptyValue(sender);
      entry.changes.push({ value: empty, field: 'messages' });
      return empty;
    });
    if (content.kind === 'status') (value.statuses ??= []).push(content.status);
    else {
      if (content.contact !== undefined) (value.contacts ??= []).push(content.contact);
      (value.messages ??= []).push(content.message);
    }
  }
  return { object: 'whatsapp_business_account', entry: [...entries.values()] };
}

function emptyValue(sender: Sender): Value {
  return {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: sender.displayPhoneNumber, phone_number_id: sender.phoneNumberId },
  };
}

function valueIn<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/**
 * How checkers know an update again. An account change has no id of Meta's, so it gets
 * `<field>:<entry.time>:<first 16 hex digits of the SHA-256 of JSON.stringify(value)>`.
 */
export function acknowledgedItem({
  sender: { phoneNumberId },
  content,
  at: exactly,
}: Update): AcknowledgedItem {
  const at = Math.round(exactly * 1000) / 1000;
  switch (content.kind) {
    case 'message':
      return { kind: 'message', phoneNumberId, id: content.message.id, at };
    case 'status':
      return { kind: 'status', phoneNumberId, id: content.status.id, status: content.status.status, at };
    case 'change': {
      const hash = createHash('sha256').update(JSON.stringify(content.value)).digest('hex').slice(0, 16);
      return { kind: 'change', phoneNumberId, id: `${content.field}:${content.time}:${hash}`, at };
    }
  }
}
