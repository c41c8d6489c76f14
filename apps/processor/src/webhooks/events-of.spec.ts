import { topics } from '@talaria/contracts';
import {
  aMessage,
  aNotification,
  aRecord,
  aStatus,
  aTextMessage,
  aWebhook,
  type Notification,
  NUMBER,
  PHONE,
  SECONDS,
  USER_ID,
  WABA,
} from '../../testing/records';
import { type Identity } from '../contacts/link-identities';
import { dataOf, eventsOf } from './events-of';
import { translateWebhook } from './translate-webhook';

const now = new Date('2026-06-01T00:00:00Z');
const at = new Date(SECONDS * 1000).toISOString();

function tell(notification: Notification, when = now) {
  const { forms = [], statuses = [], changes = [] } = translateWebhook(aWebhook(notification)) ?? {};
  const contactOf = ({ identity }: Identity) => identity;
  const events = eventsOf({ messages: forms, statuses, changes, linked: [], contactOf }, when);
  return events.map((one) => ({
    key: one.key,
    event: { ...one.event, data: JSON.parse(dataOf(one)) as unknown },
  }));
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
            attempt: 2,
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

  it('of a preference: whose it is, with all that Meta said of it', () => {
    const preference = { wa_id: PHONE, category: 'marketing_messages', value: 'stop', timestamp: SECONDS };
    expect(tell({ field: 'user_preferences', value: { user_preferences: [preference] } })).toMatchObject([
      {
        key: PHONE,
        event: {
          time: at,
          data: {
            field: 'user_preferences',
            contact: { phone: PHONE },
            phoneNumberId: NUMBER,
            value: preference,
          },
        },
      },
    ]);
  });

  it('digit by digit, though no number of ours could hold them', () => {
    const body = JSON.stringify(
      aNotification({ field: 'message_template_status_update', value: { message_template_id: '@' } }),
    ).replace('"@"', '12345678901234567890');
    const { changes = [] } = translateWebhook(aRecord({ value: Buffer.from(body) })) ?? {};
    const seen = { messages: [], statuses: [], changes, linked: [], contactOf: () => '' };
    expect(eventsOf(seen, now).map(dataOf)).toEqual([expect.stringContaining('12345678901234567890')]);
  });

  it('nothing of what another app answers', () => {
    expect(tell({ field: 'standby', value: { messages: [aTextMessage()] } })).toEqual([]);
  });

  it('of a call that it changed, not that a message did', () => {
    const call = {
      id: 'wacid.1',
      type: 'call',
      status: 'RINGING',
      timestamp: String(SECONDS),
      recipient_id: PHONE,
    };
    expect(tell({ field: 'calls', value: { statuses: [call] } })).toMatchObject([
      { event: { type: 'whatsapp.account.changed.v1', data: { field: 'calls', value: call } } },
    ]);
  });

  it('no phone in an id', () => {
    const status = aStatus({ recipient_type: 'group', recipient_id: 'g', recipient_participant_id: PHONE });
    const [told] = tell({ value: { statuses: [status] } });
    expect(told?.event.id).toMatch(/^\d+\/wamid\.out\/sent\/[0-9a-f]{32}$/);
  });
});
