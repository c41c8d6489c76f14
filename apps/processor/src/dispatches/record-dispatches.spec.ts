import fc from 'fast-check';
import { aDispatch, aRecord, WABA } from '../../testing/records';
import { translateDispatch } from './record-dispatches';

describe('a record of the dispatcher', () => {
  it('is read as state, time and what it tells', () => {
    const data = { to: '+4915100000001', error: { class: 'transient', message: 'x', code: 2 } };
    expect(translateDispatch(aDispatch({ state: 'dead-lettered', data }))).toEqual({
      state: 'dead-lettered',
      at: new Date('2026-06-01T10:00:00.000Z'),
      data: expect.objectContaining({ wabaId: WABA, commandId: 'command-1', version: 1, ...data }),
    });
  });

  it('with fields that we do not know is read all the same', () => {
    expect(translateDispatch(aDispatch({ state: 'accepted', data: { new: [1] } }))).toMatchObject({
      state: 'accepted',
    });
  });

  it.each([
    ['without a type', { ce_time: '2026-06-01T10:00:00Z' }],
    ['of another type', { ce_type: 'whatsapp.message.received.v1', ce_time: '2026-06-01T10:00:00Z' }],
    ['without a time', { ce_type: 'whatsapp.dispatch.accepted.v1' }],
    ['of no time', { ce_type: 'whatsapp.dispatch.accepted.v1', ce_time: 'yesterday' }],
  ])('%s is not an event', (_, headers) => {
    expect(translateDispatch(aDispatch({ state: 'accepted' }, { headers }))).toBeUndefined();
  });

  it.each([null, '', '{', '[]', 'null', '7', '"text"'])('whose value is %j is not an event', (value) => {
    const { headers } = aDispatch({ state: 'accepted' });
    expect(
      translateDispatch(aRecord({ headers, value: value === null ? null : Buffer.from(value) })),
    ).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['wabaId', undefined],
    ['wabaId', 7],
    ['commandId', null],
    ['phoneNumberId', {}],
    ['version', '1'],
    ['version', 1.5],
    ['attempt', undefined],
    ['to', 4915],
    ['recipient', ['a', 'b']],
    ['wamid', ['a']],
    ['waId', 1],
    ['cause', {}],
    ['campaignId', null],
    ['correlationId', 1],
    ['message', 'hi'],
    ['message', []],
    ['error', 'broken'],
    ['error', { class: 1 }],
    ['error', { class: 'x', code: '7' }],
  ])('whose %s is %j is not an event', (field, value) => {
    expect(translateDispatch(aDispatch({ state: 'accepted', data: { [field]: value } }))).toBeUndefined();
  });

  it('never throws, whatever it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, time) => {
        const record = aDispatch({ state: 'accepted', time });
        translateDispatch({ ...record, value: Buffer.from(JSON.stringify(value)) });
      }),
    );
  });
});
