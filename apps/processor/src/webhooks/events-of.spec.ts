import { topics } from '@talaria/contracts';
import {
  aMessage,
  aStatus,
  aTextMessage,
  aWebhook,
  type Notification,
  NUMBER,
  PHONE,
  SECONDS,
  USER_ID,
  WABA,
} from '../testing/records';
import { type Identity } from '../contacts/link-identities';
import { eventsOf } from './events-of';
import { translateWebhook } from './translate-webhook';

const now = new Date('2026-06-01T00:00:00Z');
const at = new Date(SECONDS * 1000).toISOString();

function tell(notification: Notification, when = now) {
  const { forms = [], statuses = [], changes = [] } = translateWebhook(aWebhook(notification)) ?? {};
  const contactOf = ({ identity }: Identity) => identity;
  return eventsOf({ messages: forms, statuses, changes, linked: [], contactOf }, when);
}

describe(`what ${topics.events.name} tells`, () => {
  it("of a message: who wrote, when by Meta's clock, and Meta's own object", () => {
    const message = aTextMessage({ text: 'hi', from_user_id: USER_ID });
    const contacts = [{ wa_id: PHONE, profile: { name: 'Ann' } }];
    expect(tell({ value: { contacts, messages: [message] } })).toEqual([
      {
        key: PHONE,
        event: {
          id: `${NUMBER}/wamid.text`,
          type: 'whatsapp.message.received.v1',
          source: 'talaria/processor',
          time: at,
          subject: NUMBER,
          data: {
            wabaId: WABA,
            phoneNumberId: NUMBER,
            wamid: 'wamid.text',
            from: { phone: PHONE, userId: USER_ID, name: 'Ann' },
            timestamp: at,
            type: 'text',
            message,
          },
        },
      },
    ]);
  });

  it('of a status: which, of what, for which command, and why it failed', () => {
    const failed = aStatus({
      status: 'failed',
      biz_opaque_callback_data: 'talaria/c-1/2',
      errors: [{ code: 131_047, title: 'Re-engagement message' }],
    });
    expect(tell({ value: { statuses: [failed] } })).toMatchObject([
      {
        key: PHONE,
        event: {
          id: `${NUMBER}/wamid.out/failed/-`,
          type: 'whatsapp.message.status.v1',
          data: {
            status: 'failed',
            commandId: 'c-1',
            error: { code: 131_047, title: 'Re-engagement message' },
          },
        },
      },
    ]);
  });

  it('of a change of the account: field and value', () => {
    const told = tell({ field: 'account_update', time: SECONDS, value: { event: 'DISABLED_UPDATE' } });
    expect(told).toMatchObject([
      {
        key: WABA,
        event: {
          type: 'whatsapp.account.changed.v1',
          time: at,
          subject: WABA,
          data: { wabaId: WABA, field: 'account_update', value: { event: 'DISABLED_UPDATE' } },
        },
      },
    ]);
  });

  it('nothing of what was sent by hand: no person wrote it', () => {
    const message_echoes = [aTextMessage({ to: PHONE })];
    expect(tell({ field: 'smb_message_echoes', value: { message_echoes } })).toEqual([]);
  });

  it.each<[string, Notification]>([
    ['a message', { value: { messages: [aMessage('image', { timestamp: 'never' })] } }],
    ['a status', { value: { statuses: [aStatus()] } }],
    ['a change', { field: 'security', value: { event: 'PIN_CHANGED' } }],
  ])('of %s under the same id whenever it is told', (_, notification) => {
    const [first] = tell(notification);
    const [second] = tell(notification, new Date('2027-01-01T00:00:00Z'));
    expect(second?.event.id).toBe(first?.event.id);
    expect(first?.event.id).toMatch(/.+\/.+/);
  });

  it.each([
    ['the phone, digits only', { from: '+1 (650) 555-1234', from_user_id: USER_ID }, PHONE],
    ['the user id when no phone is known', { from: undefined, from_user_id: USER_ID }, USER_ID],
    ['the account when nobody is known', { from: undefined }, WABA],
  ])('is keyed by %s', (_, fields, key) => {
    expect(tell({ value: { messages: [{ ...aTextMessage(), ...fields }] } })).toMatchObject([{ key }]);
  });
});
