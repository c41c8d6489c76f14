import { WamidSource } from '../cloud-api/identity';
import { InboundSource, TRAFFIC_KINDS, type InboundOptions, type TrafficKind } from './inbound-source';

const options: InboundOptions = {
  kinds: TRAFFIC_KINDS,
  numbers: [
    { wabaId: '900', phoneNumberId: '100', displayPhoneNumber: '+1 555-000-0000' },
    { wabaId: '901', phoneNumberId: '200', displayPhoneNumber: '+1 555-000-0001' },
  ],
  senders: 50,
  seed: 3,
};
const NOW = 1_700_000_000_000;
const sourceOf = (more: Partial<InboundOptions> = {}) =>
  new InboundSource({ ...options, ...more }, new WamidSource());
const one = (kind: TrafficKind) => {
  const { content } = sourceOf({ kinds: [kind] }).next(NOW).update;
  return content as unknown as { message: Record<string, unknown>; contact?: Record<string, unknown> };
};

describe('InboundSource', () => {
  it('makes every kind sooner or later', () => {
    const source = sourceOf();
    const seen = new Set(Array.from({ length: 20_000 }, () => source.next(NOW).kind));
    expect([...seen].sort()).toEqual([...TRAFFIC_KINDS].sort());
  });

  it('gives the same content for the same seed, under new wamids', () => {
    const [one, other] = [sourceOf({ kinds: ['text'] }).next(NOW), sourceOf({ kinds: ['text'] }).next(NOW)];
    const { id, ...message } = (one.update.content as { message: { id: string } }).message;
    const { id: otherId, ...otherMessage } = (other.update.content as { message: { id: string } }).message;
    expect(message).toEqual(otherMessage);
    expect(id).not.toBe(otherId);
  });

  it('hides the phone of who has none to show', () => {
    const { message, contact } = one('phoneless');
    expect(message).not.toHaveProperty('from');
    expect(message.from_user_id).toMatch(/^[A-Z]{2}\.\d+$/);
    expect(contact).not.toHaveProperty('wa_id');
    expect(contact).toHaveProperty('user_id', message.from_user_id);
  });

  it('sends system messages without contacts', () => {
    const { message, contact } = one('system');
    expect(message.system).toMatchObject({ type: 'user_changed_number', wa_id: expect.any(String) });
    expect(contact).toBeUndefined();
  });

  it('lets edits refer to an earlier message', () => {
    expect(one('edit').message.edit).toMatchObject({
      original_message_id: expect.stringMatching(/^wamid\./),
      message: { type: 'text' },
    });
  });

  it('removes a reaction by leaving the emoji out', () => {
    expect(one('reaction_removed').message.reaction).not.toHaveProperty('emoji');
  });

  it('keeps to as many people as it is told', () => {
    const source = sourceOf({ kinds: ['text'], senders: 7 });
    const people = Array.from(
      { length: 500 },
      () => (source.next(NOW).update.content as unknown as { message: { from: string } }).message.from,
    );
    expect(new Set(people).size).toBe(7);
  });
});
