/** What a webhook item or an event of the dispatcher becomes: the rows of the read model, as data. */

/** What every row about a message begins with: which one, and the month that this row would put it in. */
export type MessageKey = {
  readonly phoneNumberId: string;
  readonly wamid: string;
  /** First day of the month, like 2026-11-01. */
  readonly month: string;
};

export type Person = {
  readonly wabaId: string | null;
  readonly contactPhone: string | null;
  readonly contactUserId: string | null;
};

/** What a message is. Of several forms of one message the smallest stays. */
export type MessageForm = MessageKey &
  Person & {
    readonly direction: 'inbound' | 'outbound';
    /** For the event; the row has none. */
    readonly contactName: string | null;
    /** False for what was written to another app, which answers it. */
    readonly isOurs: boolean;
    /** Of two equal forms the one that came first. */
    readonly arrivedAt: Date;
    readonly groupId: string | null;
    readonly type: string;
    readonly text: string | null;
    readonly mediaId: string | null;
    readonly mediaMimeType: string | null;
    readonly mediaSha256: string | null;
    readonly mediaFilename: string | null;
    readonly contextWamid: string | null;
    readonly messageAt: Date | null;
    readonly isEcho: boolean;
    readonly item: Buffer;
  };

/** What happened to a message, wherever its form is. `fact` is a status, or `edited`, `revoked`. */
export type MessageFact = MessageKey &
  Person & {
    readonly direction: 'inbound' | 'outbound';
    readonly fact: string;
    readonly at: Date;
    readonly commandId: string | null;
  };

/** How a message was changed afterwards. Of several edits the latest stays. */
export type EditRow = MessageKey & {
  readonly editedAt: Date;
  readonly editWamid: string;
  readonly editedText: string | null;
};

/** What one sender put on a message; without an emoji it was taken back. Of several the latest stays. */
export type ReactionRow = MessageKey & {
  /** The person's phone or user id; `business` for ours. */
  readonly sender: string;
  readonly wabaId: string | null;
  readonly emoji: string | null;
  readonly reactedAt: Date;
  readonly reactionWamid: string;
};

export type StatusRow = MessageKey &
  Person & {
    readonly status: string;
    readonly participant: string;
    readonly statusAt: Date;
    readonly errorCode: number | null;
    readonly errorTitle: string | null;
    readonly pricingBillable: boolean | null;
    readonly pricingModel: string | null;
    readonly pricingType: string | null;
    readonly pricingCategory: string | null;
    readonly commandId: string | null;
    readonly attempt: number | null;
    readonly item: Buffer;
  };

/** That a person was seen: under which identities at once, and what was said between them and a number. */
export type Sighting = {
  readonly wabaId: string;
  /** All of one person: phones (digits) and user ids. */
  readonly identities: readonly string[];
  readonly name: string | null;
  readonly username: string | null;
  readonly at: Date;
  /** Null where it is not part of a conversation. */
  readonly phoneNumberId: string | null;
  readonly direction: 'inbound' | 'outbound';
};

export type ChangeRow = {
  readonly wabaId: string;
  readonly changeHash: Buffer;
  readonly month: string;
  readonly field: string;
  readonly phoneNumberId: string | null;
  readonly contactPhone: string | null;
  readonly contactUserId: string | null;
  readonly changedAt: Date | null;
  readonly item: Buffer;
  /** What the event tells: Meta's value, in its own JSON. */
  readonly value: Buffer;
};

/** One side of an account, number or template, as Meta told it last. */
export type StateRow = {
  readonly wabaId: string;
  /** '' for the account itself, `number/` and the displayed digits, `template/` and its id. */
  readonly subject: string;
  readonly facet: string;
  readonly toldAt: Date;
  /** JSON. */
  readonly told: string;
};

export type DisplayNumber = {
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly displayPhoneNumber: string;
  /** A day, like 2026-11-24. */
  readonly seenOn: string;
};

export type UnknownRow = {
  readonly itemHash: Buffer;
  readonly seenAt: Date;
  readonly item: Buffer;
  /** Meta's webhook field, where one was found; for the metrics. */
  readonly field: string | undefined;
};

/** The rows that one record becomes. */
export type Rows = {
  readonly forms: readonly MessageForm[];
  readonly facts: readonly MessageFact[];
  readonly edits: readonly EditRow[];
  readonly reactions: readonly ReactionRow[];
  readonly statuses: readonly StatusRow[];
  readonly sightings: readonly Sighting[];
  readonly changes: readonly ChangeRow[];
  readonly states: readonly StateRow[];
  readonly displayNumbers: readonly DisplayNumber[];
  readonly unknown: readonly UnknownRow[];
};

export const noRows: Rows = {
  forms: [],
  facts: [],
  edits: [],
  reactions: [],
  statuses: [],
  sightings: [],
  changes: [],
  states: [],
  displayNumbers: [],
  unknown: [],
};

export function joinRows(all: readonly Rows[]): Rows {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const joined = Object.fromEntries(Object.keys(noRows).map((name) => [name, [] as unknown[]]));
  for (const rows of all) for (const [name, some] of Object.entries(rows)) joined[name]?.push(...some);
  return joined as unknown as Rows;
}
