import { pick, type Random } from '../../../apps/simulator/src/random';
import {
  type Effect,
  type InboundChange,
  type InboundMessage,
  type InboundNumber,
  type InboundStatus,
  type Media,
  type Pricing,
} from './items';
import { longNumber, writeJson } from './write-body';

/** Who writes, and what there is to refer to. */
export type Scene = {
  readonly random: Random;
  /** Unlike that of any other message. */
  readonly mark: number;
  /** Own messages to this number, and those that the number sent to the person. */
  readonly own: readonly string[];
  readonly got: readonly string[];
};

type Content = Pick<InboundMessage, 'type'> & {
  readonly text?: string;
  readonly context?: string;
  readonly media?: Media;
  readonly effect?: Effect;
  /** The fields that are this type's. */
  readonly fields: Readonly<Record<string, unknown>>;
};

const TEXTS = [
  'Is it on its way?',
  'Olá! Já saiu? 😀',
  '👨‍👩‍👧‍👦 – 🙏🏽',
  'See https://example.com/a?x=1&y=2 <b>"quoted"</b> \\ back\n\tand on',
  'مرحبا، متى يصل الطلب؟',
  '订单什么时候到？',
  '{"messages":[{"id":"wamid.nobody"}],"statuses":[]}',
  '9007199254740993 · 1e400 · \\u0000',
] as const;
const EMOJI = ['👍', '❤️', '😂', '🙏🏽'] as const;

const someText = ({ random, mark }: Scene) => `${pick(random, TEXTS)} ${mark}`;
/** Beyond what a double holds. */
const someLong = ({ mark }: Scene) => String(9_007_199_254_740_993n + BigInt(mark) * 1_000_003n);

function text(scene: Scene): Content {
  const body = someText(scene);
  return { type: 'text', text: body, fields: { text: { body } } };
}

function media(scene: Scene, type: 'image' | 'document'): Content {
  const caption = someText(scene);
  const filename = type === 'document' ? `Rechnung März/${scene.mark}.pdf` : null;
  const id = someLong(scene);
  const mimeType = type === 'image' ? 'image/jpeg' : 'application/pdf';
  const sha256 = 'uAvxdJFWVPJK0hAN8e0oVFlDqbqu/R1vWgrl+Yd3M8E=';
  const named = filename !== null && { filename };
  const fields = { [type]: { caption, ...named, mime_type: mimeType, sha256, id } };
  return { type, text: caption, media: { id, mimeType, sha256, filename }, fields };
}

function buttonReply(scene: Scene): Content {
  const [context] = scene.got;
  const title = `Sí, confirmo ${scene.mark}`;
  return {
    ...{ type: 'interactive', text: title },
    ...(context !== undefined && { context }),
    fields: {
      ...(context !== undefined && { context: { from: '17600010101', id: context } }),
      interactive: { type: 'button_reply', button_reply: { id: `confirm/${scene.mark}`, title } },
    },
  };
}

function reaction(scene: Scene): Content {
  const { random, got, own } = scene;
  const target = [...got, ...own][0];
  if (target === undefined) return text(scene);
  // Without an emoji it is taken back.
  const emoji = random() < 0.2 ? null : pick(random, EMOJI);
  const fields = { reaction: { message_id: target, ...(emoji !== null && { emoji }) } };
  return {
    ...{ type: 'reaction', effect: { kind: 'reaction', target, emoji }, fields },
    ...(emoji !== null && { text: emoji }),
  };
}

function edit(scene: Scene): Content {
  const [target] = scene.own;
  if (target === undefined) return text(scene);
  const body = someText(scene);
  const fields = { edit: { original_message_id: target, message: { type: 'text', text: { body } } } };
  return { type: 'edit', text: body, effect: { kind: 'edit', target, text: body }, fields };
}

function revoke(scene: Scene): Content {
  const [target] = scene.own;
  if (target === undefined) return text(scene);
  return {
    type: 'revoke',
    effect: { kind: 'revoke', target },
    fields: { revoke: { original_message_id: target } },
  };
}

/** What Meta may think of tomorrow. */
function hologram(scene: Scene): Content {
  const hologramOf = { depth: longNumber(someLong(scene)), layers: [1.5, 2e3], 'key/with "signs"': null };
  return { type: 'hologram', fields: { hologram: hologramOf } };
}

const kinds: readonly [(scene: Scene) => Content, ...((scene: Scene) => Content)[]] = [
  text,
  ...[text, text, text, buttonReply, reaction, reaction, edit, revoke, hologram],
  (scene: Scene) => media(scene, 'image'),
  (scene: Scene) => media(scene, 'document'),
];

/** The person of an item, as it is told in one body. */
export type Guise = Pick<InboundMessage, 'person' | 'phone' | 'userId' | 'name'>;

export function writeMessage(
  scene: Scene,
  { name, ...who }: Guise,
  { wabaId, phoneNumberId }: InboundNumber,
  wamid: string,
  at: number,
): InboundMessage {
  const { fields, type, ...content } = pick(scene.random, kinds)(scene);
  const { phone, userId } = who;
  const written = {
    ...(phone !== null && { from: phone }),
    ...(userId !== null && { from_user_id: userId }),
    ...{ id: wamid, timestamp: String(at), type },
    ...fields,
  };
  return {
    ...{ kind: 'message', wabaId, phoneNumberId, wamid, at, name, type, ...who },
    text: content.text ?? null,
    context: content.context ?? null,
    media: content.media ?? null,
    effect: content.effect,
    json: writeJson(written, scene.random() < 0.7),
  };
}

const priced: Pricing = { billable: true, model: 'PMP', type: 'regular', category: 'utility' };
const undeliverable = { code: 131026, title: 'Message undeliverable' };

export function writeStatus(
  random: Random,
  { person, phone, userId }: Omit<Guise, 'name'>,
  { wabaId, phoneNumberId }: InboundNumber,
  told: Pick<InboundStatus, 'wamid' | 'status' | 'at'>,
): InboundStatus {
  const error = told.status === 'failed' ? undeliverable : null;
  const pricing = told.status === 'sent' || told.status === 'delivered' ? priced : null;
  const written = {
    ...{ id: told.wamid, status: told.status, timestamp: String(told.at) },
    ...(phone !== null && { recipient_id: phone }),
    ...(userId !== null && { recipient_user_id: userId }),
    biz_opaque_callback_data: 'another/tool',
    ...(pricing && {
      pricing: {
        ...{ billable: pricing.billable, pricing_model: pricing.model },
        ...{ type: pricing.type, category: pricing.category },
      },
    }),
    ...(error && { errors: [{ ...error, message: error.title, error_data: { details: 'Não entregue' } }] }),
  };
  return {
    ...{ kind: 'status', wabaId, phoneNumberId, person, phone, userId, error, pricing, ...told },
    json: writeJson(written, random() < 0.7),
  };
}

type Change = { readonly field: string; readonly value: object } & Partial<Pick<InboundChange, 'template'>>;

/** Nothing that stops an account: those who send do not know these. */
const fields: readonly [
  (scene: Scene, number: InboundNumber) => Change,
  ...((scene: Scene, number: InboundNumber) => Change)[],
] = [
  (_, { displayPhoneNumber }) => ({
    field: 'phone_number_quality_update',
    value: { display_phone_number: displayPhoneNumber, event: 'UPGRADE', current_limit: 'TIER_10K' },
  }),
  (scene) => {
    const template = {
      id: `9007199254740993${Math.floor(scene.random() * 4)}`,
      status: pick(scene.random, ['APPROVED', 'PAUSED', 'FLAGGED']),
    };
    const value = {
      ...{ event: template.status, message_template_id: longNumber(template.id) },
      ...{ message_template_name: 'order_ready', message_template_language: 'pt_BR', reason: null },
    };
    return { field: 'message_template_status_update', value, template };
  },
  () => ({ field: 'account_update', value: { event: 'VERIFIED_ACCOUNT' } }),
  (scene) => ({
    field: 'hologram_update',
    value: { depth: longNumber(someLong(scene)), of: 'façade / entrée' },
  }),
];

/** Of an account, or of one of its numbers. */
export function writeChange(scene: Scene, number: InboundNumber, at: number): InboundChange {
  const { field, value, template } = pick(scene.random, fields)(scene, number);
  const isEscaped = scene.random() < 0.7;
  const told = writeJson(value, isEscaped);
  return {
    ...{ kind: 'change', wabaId: number.wabaId, phoneNumberId: null, field, at, value: told },
    ...{ person: undefined, phone: null, userId: null, template },
    json: `{"value":${told},"field":"${field}"}`,
  };
}

/** Whether the person wants to hear of offers. */
export function writePreference(
  random: Random,
  { person, phone, userId }: Omit<Guise, 'name'>,
  { wabaId, phoneNumberId }: InboundNumber,
  at: number,
): InboundChange {
  const written = {
    ...(phone !== null && { wa_id: phone }),
    ...(userId !== null && { user_id: userId }),
    ...{ detail: 'User requested to stop', category: 'marketing_messages' },
    ...{ value: pick(random, ['stop', 'resume']), timestamp: at },
  };
  const json = writeJson(written, true);
  return {
    ...{ kind: 'change', wabaId, phoneNumberId, field: 'user_preferences', at, value: json, json },
    ...{ person, phone, userId, template: undefined },
  };
}
