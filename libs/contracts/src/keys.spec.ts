import fc from 'fast-check';
import { findCallbackData, formatCallbackData, parseCallbackData } from './callback-data';
import { webhookKey } from './keys';
import { retryTiers, topics } from './topics';

describe('the key of a webhook item', () => {
  it('is the phone in digits only', () => {
    expect(webhookKey({ phone: '+49 151 123-45', userId: 'DE.1', wabaId: '9' }, 'x')).toBe('4915112345');
  });

  it.each([
    [{ userId: 'DE.1', wabaId: '9' }, 'DE.1'],
    [{ phone: '', userId: 'DE.1' }, 'DE.1'],
    [{ wabaId: '9' }, '9'],
    [{}, 'fallback'],
  ])('without a phone is the next best: %j → %s', (parties, expected) => {
    expect(webhookKey(parties, 'fallback')).toBe(expected);
  });

  it('is never empty, "undefined" or "null", and the same for however a phone is written', () => {
    const parties = fc.record(
      { phone: fc.string(), userId: fc.string(), wabaId: fc.string() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(parties, (some) => {
        expect(['', 'undefined', 'null']).not.toContain(webhookKey(some, 'f'));
        const digits = (some.phone ?? '').replace(/\D/g, '');
        if (digits !== '') expect(webhookKey({ ...some, phone: `+${digits}` }, 'f')).toBe(digits);
      }),
    );
  });
});

describe('the callback data', () => {
  it('brings command and attempt back', () => {
    expect(parseCallbackData(formatCallbackData({ commandId: 'a:b.c-1', attempt: 3 }))).toEqual({
      commandId: 'a:b.c-1',
      attempt: 3,
    });
  });

  it('brings back the span of the call as well, and fits into what Meta takes', () => {
    const traced = {
      commandId: 'x'.repeat(128),
      attempt: 999_999,
      span: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
    };
    expect(parseCallbackData(formatCallbackData(traced))).toEqual(traced);
    expect(formatCallbackData(traced).length).toBeLessThan(512);
  });

  it('is found in a webhook, as Meta writes it, and not in what a person writes', () => {
    const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    const told = [
      { commandId: 'a:b.c-1', attempt: 3 },
      { commandId: 'order-7', attempt: 1, span },
    ];
    const statuses = told.map((one) => ({ biz_opaque_callback_data: formatCallbackData(one) }));
    const text = JSON.stringify({ biz_opaque_callback_data: 'talaria/forged/1' });
    const body = JSON.stringify({
      statuses,
      messages: [{ text }, { biz_opaque_callback_data: 'of another' }],
    });
    for (const written of [body, body.replaceAll('/', '\\/'), body.replaceAll('":"', '" : "')])
      expect(findCallbackData(Buffer.from(written))).toEqual(told);
    for (const none of [null, Buffer.alloc(0), Buffer.from('{}')]) expect(findCallbackData(none)).toEqual([]);
  });

  it.each([undefined, '', 'order/5', 'talaria/a b/1', 'talaria/a/1/2'])(
    'leaves what is not ours alone: %s',
    (data) => {
      expect(parseCallbackData(data)).toBeUndefined();
    },
  );
});

describe('the topics', () => {
  it('of one retry family have the same partition count', () => {
    const counts = [topics.outbound, topics.outboundDlq, ...retryTiers.map((tier) => tier.topic)].map(
      (t) => t.partitions,
    );
    expect(new Set(counts).size).toBe(1);
  });

  it('have names of their own, without underscores', () => {
    const names = Object.values(topics).map((topic) => topic.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.join()).not.toContain('_');
  });
});

describe('a key', () => {
  it('is never longer than an id can be', () => {
    expect(webhookKey({ userId: 'x'.repeat(257), wabaId: '100' }, 'd-1')).toBe('100');
    expect(webhookKey({ phone: '1'.repeat(300) }, 'd-1')).toBe('d-1');
  });
});
