/**
 * What a webhook body of ours tells, item by item: Meta's own bytes, and beside them in plain words what they say. The bytes are offered; the words
 * are what the checker goes by. Times are Meta's: whole seconds since 1970.
 */
export type InboundItem = InboundMessage | InboundStatus | InboundChange;

type Told = {
  readonly wabaId: string;
  /** Who it is about, by a number of ours that can be shown; undefined for what concerns an account. */
  readonly person: number | undefined;
  readonly phone: string | null;
  readonly userId: string | null;
  readonly at: number;
  /** The item in Meta's own bytes. */
  readonly json: string;
};

export type InboundMessage = Told & {
  readonly kind: 'message';
  readonly phoneNumberId: string;
  readonly wamid: string;
  readonly type: string;
  /** What a person would read. */
  readonly text: string | null;
  /** The person's name as it is told beside the message. */
  readonly name: string;
  /** The message that it answers. */
  readonly context: string | null;
  readonly media: Media | null;
  readonly effect: Effect | undefined;
};

export type Media = {
  readonly id: string;
  readonly mimeType: string;
  readonly sha256: string;
  readonly filename: string | null;
};

/** What a message does to another one of the same number. */
export type Effect =
  | { readonly kind: 'reaction'; readonly target: string; readonly emoji: string | null }
  | { readonly kind: 'edit'; readonly target: string; readonly text: string }
  | { readonly kind: 'revoke'; readonly target: string };

/** Of a message that the person got from some other tool. */
export type InboundStatus = Told & {
  readonly kind: 'status';
  readonly phoneNumberId: string;
  readonly wamid: string;
  readonly status: 'sent' | 'delivered' | 'read' | 'failed';
  readonly error: { readonly code: number; readonly title: string } | null;
  readonly pricing: Pricing | null;
};

export type Pricing = {
  readonly billable: boolean;
  readonly model: string;
  readonly type: string;
  readonly category: string;
};

export type InboundChange = Told & {
  readonly kind: 'change';
  readonly phoneNumberId: string | null;
  /** Meta's webhook field. */
  readonly field: string;
  /** What products are told of it: the value of a whole change, or one element of a list of changes. */
  readonly value: string;
  /** The message template that it is about, by an id longer than a double holds, and what became of that. */
  readonly template: { readonly id: string; readonly status: string } | undefined;
};

/**
 * Which item it is, whatever body it comes in: items of the same key are the same item. It can be shown: nobody's phone is in it.
 * Meta gives no id to a change, so the plan lets none of an account and a field have the time of another.
 */
export function keyOf(
  item:
    | Pick<InboundMessage, 'kind' | 'phoneNumberId' | 'wamid'>
    | (Pick<InboundStatus, 'kind' | 'phoneNumberId' | 'wamid' | 'at'> & { readonly status: string })
    | Pick<InboundChange, 'kind' | 'wabaId' | 'field' | 'at'>,
): string {
  switch (item.kind) {
    case 'message':
      return `${item.phoneNumberId}/${item.wamid}`;
    case 'status':
      return `${item.phoneNumberId}/${item.wamid}/${item.status}/${item.at}`;
    case 'change':
      return `${item.wabaId}/${item.field}/${item.at}`;
  }
}

export type InboundNumber = {
  readonly wabaId: string;
  readonly phoneNumberId: string;
  readonly displayPhoneNumber: string;
};

/** One number each of two accounts, and three of another. Nobody else's: the registry and those who send do not know them. */
export const inboundNumbers: readonly [InboundNumber, ...InboundNumber[]] = [
  { wabaId: '760001', phoneNumberId: '76000101', displayPhoneNumber: '+1 760-001-0101' },
  { wabaId: '760001', phoneNumberId: '76000102', displayPhoneNumber: '+1 760-001-0102' },
  { wabaId: '760001', phoneNumberId: '76000103', displayPhoneNumber: '17600010103' },
  { wabaId: '760002', phoneNumberId: '76000201', displayPhoneNumber: '17600020201' },
  { wabaId: '760003', phoneNumberId: '76000301', displayPhoneNumber: '+17600030301' },
];

export const inboundWabaIds: readonly string[] = [...new Set(inboundNumbers.map(({ wabaId }) => wabaId))];
