import { hash } from 'node:crypto';
import { headers } from '@talaria/contracts';
import { type OutgoingRecord } from '@talaria/kafka';
import { toRecords } from '../../../apps/ingestion/src/webhook/to-records';

/** The people and numbers of the benchmark. A person writes with one number. */
export const PERSONS = 20_000;
export const NUMBERS = 10;
const WABAS = 2;
export const FIRST_PHONE = 15_550_100_000;

export const phoneOf = (person: number) => String(FIRST_PHONE + person);
export const numberOf = (person: number) => `7400010000${String(person % NUMBERS).padStart(5, '0')}`;
export const wabaOf = (person: number) => `73000100000000${(person % NUMBERS) % WABAS}`;

/** What a record tells for the first time. */
export type Fact = { readonly wamid: string; readonly status: string | undefined };

/** Of five records in a row: two messages, and one status each of three outbound messages. */
const kinds = ['message', 'message', 'sent', 'delivered', 'read'] as const;
const MESSAGES = kinds.filter((kind) => kind === 'message').length;
/** How many outbound messages later a message's statuses come; its own number stays above 0. */
const behind = { sent: 0, delivered: 500, read: 5000 };

type Described = {
  readonly person: number;
  readonly wamid: string;
  readonly status: Exclude<(typeof kinds)[number], 'message'> | undefined;
  /** Counts messages, inbound and outbound apart. */
  readonly sequence: number;
};

function describe(index: number): Described {
  const group = Math.floor(index / kinds.length);
  const place = index % kinds.length;
  const kind = kinds[place] ?? 'message';
  const isMessage = kind === 'message';
  const sequence = isMessage ? group * MESSAGES + place : group + behind.read - behind[kind];
  const person = (sequence * 7919) % PERSONS;
  const wamid = wamidOf(phoneOf(person), `${isMessage ? 'in' : 'out'}/${sequence}`);
  return { person, wamid, sequence, status: isMessage ? undefined : kind };
}

/** As Meta makes them: the person's phone, then twenty digits that nobody can guess. */
export function wamidOf(phone: string, seed: string): string {
  const unique = hash('md5', seed, 'hex').slice(0, 20).toUpperCase();
  return `wamid.${Buffer.from(`\x1c\x18\x0b${phone}\x15\x02\x00\x12\x18\x14${unique}\x00`).toString('base64')}`;
}

export function factOf(index: number): Fact {
  const { wamid, status } = describe(index);
  return { wamid, status };
}

/** The webhook body with this number: no two tell the same. */
export function bodyOf(index: number, at: Date): Buffer {
  const { person, wamid, status, sequence } = describe(index);
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const value = {
    messaging_product: 'whatsapp',
    metadata: {
      display_phone_number: `1555010400${person % NUMBERS}`,
      phone_number_id: numberOf(person),
    },
    ...(status === undefined
      ? messageOf(person, wamid, timestamp, sequence)
      : { statuses: [statusOf(person, wamid, timestamp, status, sequence)] }),
  };
  const entry = [{ id: wabaOf(person), changes: [{ value, field: 'messages' }] }];
  return Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry }));
}

function messageOf(person: number, wamid: string, timestamp: string, sequence: number) {
  const [phone, userId] = [phoneOf(person), `US.40${phoneOf(person)}`];
  const content =
    sequence % 4 === 0
      ? {
          type: 'image',
          image: {
            caption: `What came in the parcel, number ${sequence}`,
            mime_type: 'image/jpeg',
            sha256: hash('sha256', wamid, 'base64'),
            id: String(1_200_000_000_000_000 + sequence),
          },
        }
      : {
          type: 'text',
          text: {
            body: `Hello! Is order ${sequence} on its way? The shop in München said by Friday. Thanks a lot 🙏`,
          },
        };
  return {
    contacts: [{ profile: { name: nameOf(person) }, wa_id: phone, user_id: userId }],
    messages: [{ from: phone, from_user_id: userId, id: wamid, timestamp, ...content }],
  };
}

function statusOf(person: number, wamid: string, timestamp: string, status: string, sequence: number) {
  return {
    id: wamid,
    status,
    timestamp,
    recipient_id: phoneOf(person),
    recipient_user_id: `US.40${phoneOf(person)}`,
    biz_opaque_callback_data: `talaria/order-${sequence}/1`,
    pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' },
  };
}

const names = ['Rosa', 'Émile', 'Yuki', 'Ada', 'Tomás', 'Ngozi', 'Linnéa', 'Ravi', 'Zoë', 'Omar', 'Mei'];
const families = ['Lindqvist', 'Okafor', 'Tanaka', 'García', 'Müller', 'Haddad', 'Iyer'];
const nameOf = (person: number) =>
  `${names[person % names.length] ?? ''} ${families[person % families.length] ?? ''}`;

/** The record that ingestion makes of the body with this number. */
export function recordOf(index: number, at: Date): OutgoingRecord {
  const deliveryId = hash('md5', `delivery/${index}`, 'hex');
  const [record] = toRecords({ deliveryId, receivedAt: at, body: bodyOf(index, at) });
  if (record?.headers?.[headers.itemCount] !== '1') throw new Error(`body ${index} is not one item`);
  return record;
}
