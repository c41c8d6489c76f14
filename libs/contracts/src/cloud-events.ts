/** CloudEvents 1.0 in Kafka's binary mode: attributes in headers, data as the record's value. */
export type CloudEvent<Type extends string = string, Data = unknown> = {
  /** Deterministic: the same fact has the same id, so that a consumer recognises a repeat. */
  readonly id: string;
  readonly type: Type;
  readonly source: string;
  /** ISO 8601, when it happened. */
  readonly time: string;
  readonly subject: string;
  readonly data: Data;
};

export function cloudEventHeaders(event: CloudEvent): Record<string, string> {
  return {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_type: event.type,
    ce_source: event.source,
    ce_time: event.time,
    ce_subject: event.subject,
  };
}

/** What `whatsapp.dispatches` tells of a command. Fields are only ever added. */
export type DispatchEventData = {
  readonly wabaId: string;
  readonly phoneNumberId: string;
  readonly commandId: string;
  /** Counts the command's events from 1: the highest is its present state. */
  readonly version: number;
  /** Attempts made so far. */
  readonly attempt: number;
  readonly to?: string;
  readonly recipient?: string;
  readonly campaignId?: string;
  readonly correlationId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Meta's message object as it was asked for; on `accepted` only. */
  readonly message?: Readonly<Record<string, unknown>>;
  /** ISO 8601: when the call to Meta began that led to this; the event's time is when it had ended. */
  readonly startedAt?: string;
  /** Of that attempt, where traces are recorded. */
  readonly traceId?: string;
  /** On `accepted`; on the others, of the message whose failure a status told. */
  readonly wamid?: string;
  /** The recipient's wa_id as Meta answered it; on `accepted`. */
  readonly waId?: string;
  /** On `retrying`: ISO 8601, not tried again before. */
  readonly nextAttemptAt?: string;
  /** On `dead-lettered`. */
  readonly cause?: string;
  readonly error?: {
    readonly code?: number;
    readonly class: string;
    readonly message: string;
    /** Meta's own id of the failed call. */
    readonly fbtraceId?: string;
  };
};

export type DispatchEventType =
  | 'whatsapp.dispatch.accepted.v1'
  | 'whatsapp.dispatch.retrying.v1'
  | 'whatsapp.dispatch.unknown.v1'
  | 'whatsapp.dispatch.cancelled.v1'
  | 'whatsapp.dispatch.failed.v1'
  | 'whatsapp.dispatch.dead-lettered.v1';

export type DispatchEvent = CloudEvent<DispatchEventType, DispatchEventData>;

/** What `whatsapp.events` tells of a message that a person sent. */
export type MessageReceivedData = {
  readonly wabaId: string;
  readonly phoneNumberId: string;
  readonly wamid: string;
  readonly from: { readonly phone?: string; readonly userId?: string; readonly name?: string };
  /** ISO 8601, by Meta's clock. */
  readonly timestamp: string | null;
  readonly type: string;
  /** Meta's message object. */
  readonly message: unknown;
};

export type MessageStatusData = {
  readonly wabaId: string;
  readonly phoneNumberId: string;
  readonly wamid: string;
  readonly status: string;
  /** ISO 8601, by Meta's clock. */
  readonly timestamp: string | null;
  readonly recipient: { readonly phone?: string; readonly userId?: string };
  /** The command that sent it, when it was one of ours. */
  readonly commandId?: string;
  /** Which attempt of that command. */
  readonly attempt?: number;
  readonly error?: { readonly code?: number; readonly title?: string };
};

export type AccountChangedData = {
  readonly wabaId: string;
  /** Meta's webhook field. */
  readonly field: string;
  /** The number and the person it is about, where Meta told. */
  readonly phoneNumberId?: string;
  readonly contact?: { readonly phone?: string; readonly userId?: string };
  /** Meta's value object; of a field that comes as a list (`user_preferences`, `user_id_update`) one element of it. */
  readonly value: unknown;
};

/** Two identities of one person: seen together for the first time, or Meta says so. */
export type IdentityChangedData = {
  readonly wabaId: string;
  /** The key of this person's events from now on. */
  readonly contact: string;
  /** Phones (digits) or user ids. */
  readonly identities: readonly [string, string];
};

export type DomainEvent =
  | CloudEvent<'whatsapp.message.received.v1', MessageReceivedData>
  | CloudEvent<'whatsapp.message.status.v1', MessageStatusData>
  | CloudEvent<'whatsapp.contact.identity-changed.v1', IdentityChangedData>
  | CloudEvent<'whatsapp.account.changed.v1', AccountChangedData>;
