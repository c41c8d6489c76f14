import { linkKey, contentOf } from './model';
import { keyOf } from './items';

/** Which item a record of the log holds, or which fact an event tells, by what stands in it. */
export type Recognised = {
  /** {@link keyOf} an item, or the key of a fact in the model. */
  readonly key: string;
  readonly wabaId: string;
  /** Undefined for what is about no message. */
  readonly wamid: string | undefined;
};

/** @returns undefined for what is no notification of exactly one item that we know how to name */
export function recogniseRecord(value: string): Recognised | undefined {
  const { entry } = parse(value) as Notification;
  const [only, ...entries] = entry ?? [];
  const [change, ...changes] = only?.changes ?? [];
  if (only?.id === undefined || change?.field === undefined || entries.length + changes.length > 0)
    return undefined;
  const { id: wabaId, time } = only;
  const { field, value: told = {} } = change;
  const phoneNumberId = told.metadata?.phone_number_id ?? '';
  const items = [
    ...(told.messages ?? []).map(({ id: wamid }) => ({
      ...{ wabaId, wamid },
      key: keyOf({ kind: 'message', phoneNumberId, wamid }),
    })),
    ...(told.statuses ?? []).map(({ id: wamid, status, timestamp }) => ({
      ...{ wabaId, wamid },
      key: keyOf({ kind: 'status', phoneNumberId, wamid, status, at: Number(timestamp) }),
    })),
    ...(told.user_preferences ?? []).map(({ timestamp: at }) => changeOf(wabaId, field, at)),
  ];
  if (items.length === 0 && field !== 'messages') return changeOf(wabaId, field, time ?? 0);
  return items.length === 1 ? items[0] : undefined;
}

const changeOf = (wabaId: string, field: string, at: number) => ({
  ...{ wabaId, wamid: undefined },
  key: keyOf({ kind: 'change', wabaId, field, at }),
});

/** As far as the checker reads it. */
type Notification = {
  readonly entry?: readonly {
    readonly id?: string;
    readonly time?: number;
    readonly changes?: readonly {
      readonly field?: string;
      readonly value?: {
        readonly metadata?: { readonly phone_number_id: string };
        readonly messages?: readonly { readonly id: string }[];
        readonly statuses?: readonly {
          readonly id: string;
          readonly status: string;
          readonly timestamp: string;
        }[];
        readonly user_preferences?: readonly { readonly timestamp: number }[];
      };
    }[];
  }[];
};

/** With what it tells, to be compared with the contents of its fact. */
export type RecognisedEvent = Recognised & { readonly content: string };

/** @returns undefined for what is no event that is told of webhooks */
export function recogniseEvent(event: {
  readonly type: string;
  readonly time: string;
  readonly value: string;
}): RecognisedEvent | undefined {
  const data = parse(event.value) as EventData;
  const { wabaId = '', phoneNumberId, wamid = '', timestamp } = data;
  switch (event.type) {
    case 'whatsapp.message.received.v1': {
      const { phone, userId, name } = data.from ?? {};
      const content = contentOf({ wabaId, phone, userId, name, timestamp, type: data.type });
      return { key: `${phoneNumberId ?? ''}/${wamid}`, wabaId, wamid, content };
    }
    case 'whatsapp.message.status.v1': {
      const { phone, userId } = data.recipient ?? {};
      const { code, title } = data.error ?? {};
      // Of a command there was none.
      const content = contentOf({ wabaId, phone, userId, timestamp, code, title, commandId: data.commandId });
      return { key: `${phoneNumberId ?? ''}/${wamid}/${data.status ?? ''}`, wabaId, wamid, content };
    }
    case 'whatsapp.account.changed.v1': {
      const { phone, userId } = data.contact ?? {};
      const key = `${wabaId}/${data.field ?? ''}/${Date.parse(event.time) / 1000}`;
      return { key, wabaId, wamid: undefined, content: contentOf({ phoneNumberId, phone, userId }) };
    }
    case 'whatsapp.contact.identity-changed.v1':
      // Who the two belong to depends on what else was known when it was told.
      return {
        ...{ key: linkKey(wabaId, data.identities ?? []), wabaId, wamid: undefined },
        content: contentOf({}),
      };
    default:
      return undefined;
  }
}

type EventData = {
  readonly wabaId?: string;
  readonly phoneNumberId?: string;
  readonly wamid?: string;
  readonly timestamp?: string;
  readonly type?: string;
  readonly status?: string;
  readonly commandId?: string;
  readonly field?: string;
  readonly from?: { readonly phone?: string; readonly userId?: string; readonly name?: string };
  readonly recipient?: { readonly phone?: string; readonly userId?: string };
  readonly contact?: { readonly phone?: string; readonly userId?: string };
  readonly error?: { readonly code?: number; readonly title?: string };
  readonly identities?: readonly string[];
};

function parse(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
