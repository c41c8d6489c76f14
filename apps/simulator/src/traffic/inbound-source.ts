import { type WamidSource } from '../cloud-api/identity';
import { type Fields } from '../cloud-api/field-checks';
import { pick, seeded, type Random } from '../random';
import { type Sender, type Update } from '../webhooks/notification';
import { accountChangeKinds } from './account-changes';
import { customer, type Customer } from './customers';
import { messageKinds, type Scene } from './message-kinds';

type MessageKind = keyof typeof messageKinds;
type ChangeKind = keyof typeof accountChangeKinds;
/** `phoneless` is a text from somebody who hides the phone: only the user id is told. */
export type TrafficKind = MessageKind | ChangeKind | 'phoneless';

const isMessageKind = (kind: TrafficKind): kind is MessageKind => kind in messageKinds;
const isChangeKind = (kind: TrafficKind): kind is ChangeKind => kind in accountChangeKinds;

/** Every kind, with how often it comes beside the others. */
const WEIGHTS: Readonly<Record<TrafficKind, number>> = {
  text: 40,
  image: 8,
  video: 2,
  audio: 6,
  document: 3,
  sticker: 2,
  button_reply: 6,
  list_reply: 3,
  nfm_reply: 2,
  button: 4,
  reaction: 5,
  reaction_removed: 1,
  location: 2,
  contacts: 1,
  order: 1,
  edit: 2,
  revoke: 1,
  system: 0.5,
  unsupported: 1,
  unknown: 0.5,
  phoneless: 8,
  quality_update: 0.2,
  template_update: 0.2,
  account_update: 0.1,
};

export const TRAFFIC_KINDS = Object.keys(WEIGHTS) as [TrafficKind, ...TrafficKind[]];

export type InboundOptions = {
  readonly kinds: readonly [TrafficKind, ...TrafficKind[]];
  readonly numbers: readonly [Sender, ...Sender[]];
  /** How many different people write. */
  readonly senders: number;
  readonly seed: number;
};

export type Inbound = { readonly kind: TrafficKind; readonly isMessage: boolean; readonly update: Update };

/** Invents what customers send. The same options give the same content; only wamids and times differ. */
export class InboundSource {
  private readonly random: Random;
  private readonly totalWeight: number;
  private readonly lastWamids = new Map<string, string>();

  constructor(
    private readonly options: InboundOptions,
    private readonly wamids: WamidSource,
  ) {
    this.random = seeded(options.seed);
    this.totalWeight = options.kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
  }

  next(at: number): Inbound {
    const kind = this.pickKind();
    const sender = pick(this.random, this.options.numbers);
    if (isChangeKind(kind)) return { kind, isMessage: false, update: this.change(kind, sender, at) };
    const person = customer(Math.floor(this.random() * this.options.senders));
    return { kind, isMessage: true, update: this.message(kind, sender, person, at) };
  }

  private pickKind(): TrafficKind {
    let left = this.random() * this.totalWeight;
    for (const kind of this.options.kinds) {
      left -= WEIGHTS[kind];
      if (left < 0) return kind;
    }
    return this.options.kinds[0];
  }

  private message(kind: MessageKind | 'phoneless', sender: Sender, person: Customer, at: number): Update {
    const { waId, userId } = person;
    const id = this.wamids.inbound(waId);
    const content = messageKinds[isMessageKind(kind) ? kind : 'text'](this.scene(sender, person));
    this.lastWamids.set(waId, id);
    const showsPhone = kind !== 'phoneless';
    const message = {
      id,
      from_user_id: userId,
      ...(showsPhone && { from: waId }),
      timestamp: String(Math.floor(at / 1000)),
      ...content,
    };
    // A system message is Meta's own, and comes without contacts.
    return {
      sender,
      at,
      content: {
        kind: 'message',
        message,
        ...(kind !== 'system' && { contact: contactOf(person, showsPhone) }),
      },
    };
  }

  private scene(sender: Sender, person: Customer): Scene {
    const { waId } = person;
    return {
      random: this.random,
      customer: person,
      displayPhoneNumber: sender.displayPhoneNumber,
      earlierWamid: this.lastWamids.get(waId) ?? this.wamids.inbound(waId),
      answeredWamid: this.wamids.outbound(waId),
    };
  }

  private change(kind: ChangeKind, sender: Sender, at: number): Update {
    const { field, value } = accountChangeKinds[kind](this.random, sender.displayPhoneNumber);
    return { sender, at, content: { kind: 'change', field, value, time: Math.floor(at / 1000) } };
  }
}

function contactOf({ waId, userId, name }: Customer, showsPhone: boolean): Fields {
  const profile = showsPhone ? { name } : { name, username: `user.${userId.slice(-6)}` };
  return { profile, ...(showsPhone && { wa_id: waId }), user_id: userId };
}
