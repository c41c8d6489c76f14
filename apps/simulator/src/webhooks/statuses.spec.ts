import { type Send } from '../cloud-api/check-message';
import { seeded } from '../random';
import { statusesOf, type StatusDelays } from './statuses';

const delays: StatusDelays = { sent: [20, 60], delivered: [10, 300], read: [5, 600] };
const toPhone: Send = {
  recipient: { kind: 'phone', input: '+4915112345678', waId: '4915112345678' },
  type: 'text',
  callbackData: 'cmd-1',
  answers: undefined,
};
const toUserId: Send = { ...toPhone, recipient: { kind: 'user-id', input: 'US.1349' } };
const ACCEPTED_AT = 1_700_000_000_500;

function statuses(send: Partial<Send> = {}, more: { failsWith?: number; delays?: StatusDelays } = {}) {
  const accepted = {
    sender: { wabaId: '900', phoneNumberId: '100', displayPhoneNumber: '+1 555' },
    send: { ...toPhone, ...send },
    wamid: 'wamid.1',
    failsWith: more.failsWith,
  };
  return statusesOf(accepted, ACCEPTED_AT, more.delays ?? delays, seeded(7));
}
const contents = (...args: Parameters<typeof statuses>) =>
  statuses(...args).map(({ content }) => (content.kind === 'status' ? content.status : undefined));

describe('statusesOf', () => {
  it('sends sent, delivered and read in this order, even when their delays overlap', () => {
    const updates = statuses();
    expect(contents().map((status) => status?.status)).toEqual(['sent', 'delivered', 'read']);
    const times = updates.map(({ at }) => at);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    expect(times[0]).toBeGreaterThanOrEqual(ACCEPTED_AT + 20);
  });

  it('echoes the callback data and prices sent and delivered', () => {
    const [sent, delivered, read] = contents();
    for (const status of [sent, delivered, read]) {
      expect(status).toMatchObject({
        id: 'wamid.1',
        biz_opaque_callback_data: 'cmd-1',
        recipient_id: '4915112345678',
        timestamp: expect.stringMatching(/^17000000\d\d$/),
      });
    }
    expect(sent).toHaveProperty('pricing');
    expect(delivered).toHaveProperty('pricing');
    expect(read).not.toHaveProperty('pricing');
  });

  it('tells no phone when the message went to a user id', () => {
    for (const status of contents(toUserId)) {
      expect(status).not.toHaveProperty('recipient_id');
      expect(status).toHaveProperty('recipient_user_id', 'US.1349');
    }
  });

  it('sends a reaction only', () => {
    expect(contents({ type: 'reaction' }).map((status) => status?.status)).toEqual(['sent']);
  });

  it('leaves out statuses that are switched off', () => {
    const only = contents({}, { delays: { sent: null, delivered: [1, 2], read: null } });
    expect(only.map((status) => status?.status)).toEqual(['delivered']);
  });

  it('fails instead of being sent, without the user id', () => {
    const [failed, ...rest] = contents({}, { failsWith: 131026 });
    expect(rest).toEqual([]);
    expect(failed).toMatchObject({
      status: 'failed',
      biz_opaque_callback_data: 'cmd-1',
      errors: [{ code: 131026, title: 'Message undeliverable' }],
    });
    expect(failed).not.toHaveProperty('recipient_user_id');
  });
});
