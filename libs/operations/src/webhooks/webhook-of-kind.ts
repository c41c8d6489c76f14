/** Whose webhook it is to be, and about whom. */
export type SimulatedParties = {
  readonly wabaId: string;
  readonly phoneNumberId: string;
  readonly displayPhoneNumber: string;
  /** The customer's phone, digits only. */
  readonly customer: string;
  /** Of the message that comes, or that the status is of. */
  readonly wamid: string;
  /** Meta's code, for `failed`. */
  readonly code: number;
};

type Fields = Readonly<Record<string, unknown>>;
type Change = { readonly field: string; readonly value: Fields };

const SECONDS = 1000;
const RESTRICTED_DAYS = 7;

/** One change of each kind, as Meta would tell it. */
const kinds = {
  text: (of, at) => message(of, at, { type: 'text', text: { body: 'Hello from talaria webhooks simulate' } }),
  image: (of, at) =>
    message(of, at, {
      type: 'image',
      image: {
        id: '1000000000000001',
        mime_type: 'image/jpeg',
        sha256: 'uAvxdJFWVPJK0hAN8e0oVFlDqbqu/R1vWgrl+Yd3M8E=',
        caption: 'simulated',
      },
    }),
  sent: (of, at) => status(of, at, 'sent', { pricing: PRICING }),
  delivered: (of, at) => status(of, at, 'delivered', { pricing: PRICING }),
  read: (of, at) => status(of, at, 'read', {}),
  failed: (of, at) =>
    status(of, at, 'failed', {
      errors: [
        { code: of.code, title: 'simulated', message: 'simulated', error_data: { details: 'simulated' } },
      ],
    }),
  'account-disabled': (_, at) => ban(at, 'DISABLE'),
  'account-reinstated': (_, at) => ban(at, 'REINSTATE'),
  'account-restricted': (_, at) => ({
    field: 'account_update',
    value: {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [
        {
          restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING',
          expiration: Math.floor(at / SECONDS) + RESTRICTED_DAYS * 86_400,
        },
      ],
    },
  }),
  quality: (of) => qualityUpdate(of, 'FLAGGED', 'TIER_1K'),
  throughput: (of) => qualityUpdate(of, 'THROUGHPUT_UPGRADE', 'TIER_UNLIMITED'),
  template: () => ({
    field: 'message_template_status_update',
    value: {
      event: 'PAUSED',
      message_template_id: 1_000_001,
      message_template_name: 'order_ready',
      message_template_language: 'en_US',
      reason: null,
      other_info: { title: 'FIRST_PAUSE' },
    },
  }),
} satisfies Record<string, (of: SimulatedParties, at: number) => Change>;

export type WebhookKind = keyof typeof kinds;
export const webhookKinds = Object.keys(kinds) as readonly WebhookKind[];

/** The body of a webhook with one item of a kind. @param at milliseconds since 1970 */
export function webhookOfKind(kind: WebhookKind, of: SimulatedParties, at: number): Buffer {
  const { field, value } = kinds[kind](of, at);
  const entry = { id: of.wabaId, time: Math.floor(at / SECONDS), changes: [{ value, field }] };
  return Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] }));
}

const PRICING = { billable: false, pricing_model: 'PMP', type: 'free_customer_service', category: 'service' };

function message(of: SimulatedParties, at: number, content: Fields): Change {
  const { customer, wamid } = of;
  return ofMessages(of, {
    contacts: [{ profile: { name: 'Simulated' }, wa_id: customer }],
    messages: [{ from: customer, id: wamid, timestamp: String(Math.floor(at / SECONDS)), ...content }],
  });
}

function status(of: SimulatedParties, at: number, name: string, more: Fields): Change {
  const timestamp = String(Math.floor(at / SECONDS));
  return ofMessages(of, {
    statuses: [{ id: of.wamid, status: name, timestamp, recipient_id: of.customer, ...more }],
  });
}

function ofMessages({ displayPhoneNumber, phoneNumberId }: SimulatedParties, more: Fields): Change {
  const metadata = { display_phone_number: displayPhoneNumber, phone_number_id: phoneNumberId };
  return { field: 'messages', value: { messaging_product: 'whatsapp', metadata, ...more } };
}

function ban(at: number, state: string): Change {
  const style = { month: 'long', day: 'numeric', year: 'numeric', timeZone: 'UTC' } as const;
  const date = new Date(at).toLocaleDateString('en-US', style);
  return {
    field: 'account_update',
    value: { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: state, waba_ban_date: date } },
  };
}

function qualityUpdate({ displayPhoneNumber }: SimulatedParties, event: string, limit: string): Change {
  return {
    field: 'phone_number_quality_update',
    value: {
      display_phone_number: displayPhoneNumber.replaceAll(/\D/g, ''),
      event,
      max_daily_conversations_per_business: limit,
    },
  };
}
