import { type Fields } from '../cloud-api/field-checks';
import { userIdOf } from '../cloud-api/identity';
import { pick, type Random } from '../random';
import { type Customer } from './customers';

/** Who writes, and what there is to refer to. */
export type Scene = {
  readonly random: Random;
  readonly customer: Customer;
  readonly displayPhoneNumber: string;
  /** A message of the customer's own that came before, if any did. */
  readonly earlierWamid: string;
  /** A message of the business that this may answer. */
  readonly answeredWamid: string;
};

const TEXTS = [
  'Hello, is my order on its way?',
  'Olá! Já saiu para entrega? 😀',
  'See https://example.com/orders/42?x=1&y=2',
  'Grüße aus Köln – ça va très bien 👍🏽',
  '👨‍👩‍👧‍👦',
  'Line one\nline two\twith a tab and a "quote" \\ backslash',
  'مرحبا، متى يصل الطلب؟',
  '订单什么时候到？',
] as const;
const EMOJI = ['👍', '❤️', '😂', '🙏🏽'] as const;

/** The message's own part (type, content, context) for each kind of traffic that has a sender with a phone. */
export const messageKinds = {
  text: (scene) => ({ type: 'text', text: { body: pick(scene.random, TEXTS) } }),
  image: (scene) => mediaMessage(scene, 'image', 'image/jpeg', { caption: 'Façade / entrée 📷' }),
  video: (scene) => mediaMessage(scene, 'video', 'video/mp4', {}),
  audio: (scene) => mediaMessage(scene, 'audio', 'audio/ogg; codecs=opus', { voice: true }),
  document: (scene) =>
    mediaMessage(scene, 'document', 'application/pdf', { filename: 'Rechnung März/2026.pdf' }),
  sticker: (scene) => mediaMessage(scene, 'sticker', 'image/webp', { animated: false }),
  button_reply: (scene) =>
    interactive(scene, { type: 'button_reply', button_reply: { id: 'confirm/1', title: 'Sí, confirmo' } }),
  list_reply: (scene) =>
    interactive(scene, {
      type: 'list_reply',
      list_reply: { id: 'slot-3', title: 'Tomorrow 9–11', description: 'Delivery to the door' },
    }),
  nfm_reply: (scene) =>
    interactive(scene, {
      type: 'nfm_reply',
      nfm_reply: { name: 'flow', body: 'Sent', response_json: '{"flow_token":"t/1","rating":"5 ★"}' },
    }),
  button: (scene) => ({
    ...answering(scene),
    type: 'button',
    button: { payload: 'track', text: 'Track order' },
  }),
  reaction: (scene) => ({
    type: 'reaction',
    reaction: { message_id: scene.answeredWamid, emoji: pick(scene.random, EMOJI) },
  }),
  reaction_removed: (scene) => ({ type: 'reaction', reaction: { message_id: scene.answeredWamid } }),
  location: () => ({
    type: 'location',
    location: {
      latitude: 41.3874,
      longitude: 2.1686,
      name: 'Plaça de Catalunya',
      address: 'Barcelona 08002',
    },
  }),
  contacts: ({ customer }) => ({
    type: 'contacts',
    contacts: [
      {
        name: { formatted_name: customer.name, first_name: customer.name },
        phones: [{ phone: `+${customer.waId}`, wa_id: customer.waId, type: 'CELL' }],
      },
    ],
  }),
  order: () => ({
    type: 'order',
    order: {
      catalog_id: '1298371235',
      text: 'Two, please',
      product_items: [{ product_retailer_id: 'sku/7', quantity: 2, item_price: 12.5, currency: 'EUR' }],
    },
  }),
  edit: (scene) => ({
    type: 'edit',
    edit: {
      original_message_id: scene.earlierWamid,
      message: { type: 'text', text: { body: pick(scene.random, TEXTS) } },
    },
  }),
  revoke: (scene) => ({ type: 'revoke', revoke: { original_message_id: scene.earlierWamid } }),
  system: ({ customer }) => {
    const newWaId = `1556${customer.waId.slice(-7)}`;
    return {
      type: 'system',
      system: {
        body: `User ${customer.name} changed from ${customer.waId} to ${newWaId}`,
        wa_id: newWaId,
        user_id: userIdOf(newWaId),
        type: 'user_changed_number',
      },
    };
  },
  unsupported: () => ({
    type: 'unsupported',
    unsupported: { type: 'poll_creation' },
    errors: [
      {
        code: 131051,
        title: 'Message type unknown',
        message: 'Message type unknown',
        error_data: { details: 'Message type is currently not supported.' },
      },
    ],
  }),
  unknown: () => ({ type: 'hologram', hologram: { id: '77', depth: 3, caption: 'from next year' } }),
} satisfies Record<string, (scene: Scene) => Fields>;

function mediaMessage({ random }: Scene, type: string, mimeType: string, more: Fields): Fields {
  const id = String(1_000_000_000_000_000 + Math.floor(random() * 8_000_000_000_000_000));
  return {
    type,
    [type]: {
      ...more,
      mime_type: mimeType,
      sha256: 'uAvxdJFWVPJK0hAN8e0oVFlDqbqu/R1vWgrl+Yd3M8E=',
      id,
      url: `https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=${id}`,
    },
  };
}

function interactive(scene: Scene, content: Fields): Fields {
  return { ...answering(scene), type: 'interactive', interactive: content };
}

function answering({ displayPhoneNumber, answeredWamid }: Scene): Fields {
  return { context: { from: displayPhoneNumber.replace(/\D/g, ''), id: answeredWamid } };
}
