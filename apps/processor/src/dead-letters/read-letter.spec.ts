import { headers, letterCauses } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';
import { readLetter } from './read-letter';

const now = Date.UTC(2026, 0);
const aRecord = (found: Record<string, string>, value: unknown = {}): KafkaRecord => ({
  ...{ topic: 'whatsapp.outbound.dlq', partition: 1, offset: 2, timestamp: now - 1000, key: null },
  value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  headers: found,
});
const read = (found: Record<string, string>, value?: unknown) => readLetter(aRecord(found, value), now);

describe('a dead letter', () => {
  it('is read from its headers and its command', () => {
    const letter = read(
      {
        [headers.dlqCause]: 'permanent',
        [headers.dlqAt]: '2026-01-01T00:00:02.000Z',
        [headers.errorClass]: 'window',
        [headers.metaCode]: '131047',
        [headers.errorMessage]: 'Re-engagement message',
        [headers.fbtraceId]: 'Atrace',
        [headers.attempts]: '3',
        [headers.firstFailureAt]: '2026-01-01T00:00:01.000Z',
        [headers.lastFailureAt]: '2026-01-01T00:00:02.000Z',
        [headers.originalTopic]: 'whatsapp.outbound',
        [headers.originalPartition]: '7',
        [headers.originalOffset]: '4711',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
      {
        ...{ id: 'order-1', wabaId: '900', phoneNumberId: '100', campaignId: 'spring' },
        expiresAt: '2026-02-01T00:00:00+01:00',
      },
    );
    expect(letter).toEqual({
      ...{ deadAt: new Date('2026-01-01T00:00:02.000Z'), cause: 'permanent', class: 'window', code: 131047 },
      ...{ message: 'Re-engagement message', fbtraceId: 'Atrace', attempts: 3 },
      firstFailureAt: new Date('2026-01-01T00:00:01.000Z'),
      lastFailureAt: new Date('2026-01-01T00:00:02.000Z'),
      ...{ originTopic: 'whatsapp.outbound', originPartition: 7, originOffset: 4711 },
      traceId: '0af7651916cd43dd8448eb211c80319c',
      ...{ wabaId: '900', phoneNumberId: '100', commandId: 'order-1', campaignId: 'spring' },
      expiresAt: new Date('2026-01-31T23:00:00.000Z'),
    });
  });

  it('without a header, and without a value that could be read, tells nothing but its time', () => {
    const { deadAt, cause, ...rest } = read({}, 'not JSON');
    expect([deadAt.getTime(), cause]).toEqual([now - 1000, 'other']);
    expect(new Set(Object.values(rest))).toEqual(new Set([null]));
  });

  it('of a webhook tells the account and number that Meta names', () => {
    const entry = [{ id: '900', changes: [{ value: { metadata: { phone_number_id: '100' } } }] }];
    expect(read({}, { entry })).toMatchObject({ wabaId: '900', phoneNumberId: '100', commandId: null });
  });

  it('of an event of the dispatcher tells its command', () => {
    expect(read({}, { wabaId: '900', commandId: 'order-1' })).toMatchObject({ commandId: 'order-1' });
  });

  it.each([
    ['a code beyond any', headers.metaCode, '99999999999', { code: null }],
    ['a negative code', headers.metaCode, '-1', { code: null }],
    ['attempts in another spelling', headers.attempts, '1e3', { attempts: null }],
    ['an offset without end', headers.originalOffset, '9'.repeat(400), { originOffset: null }],
    ['a cause without end', headers.dlqCause, 'x'.repeat(10_000), { cause: 'other' }],
    ['a class that is none', headers.errorClass, 'no class\0', { class: null }],
    [
      'a long text with a null character',
      headers.errorMessage,
      `a\0b${'c'.repeat(9999)}`,
      { message: `ab${'c'.repeat(509)}` },
    ],
    ['a time beyond all', headers.dlqAt, '+275760-09-13T00:00:00.000Z', { deadAt: new Date(now - 1000) }],
    ['a far future', headers.dlqAt, '9999-12-31T00:00:00.000Z', { deadAt: new Date(now - 1000) }],
    ['no time', headers.firstFailureAt, 'yesterday', { firstFailureAt: null }],
    ['no trace', 'traceparent', 'none', { traceId: null }],
  ])('with %s in a header', (_what, name, value, expected) => {
    expect(read({ [name]: value })).toMatchObject(expected);
  });

  it.each([
    [{ wabaId: 900 }],
    [{ wabaId: "1'; --" }],
    [{ entry: 'none' }],
    [{ entry: [null] }],
    [{ entry: [{ changes: [{ value: 1 }] }] }],
  ])('with a body of other types, %j, is nobody’s', (value) => {
    expect(read({}, value)).toMatchObject({ wabaId: null, phoneNumberId: null });
  });

  it('with a time of its record that is none is as old as its reading', () => {
    expect(readLetter({ ...aRecord({}), timestamp: -1 }, now).deadAt.getTime()).toBe(now);
  });

  it('has a cause of the known ones', () => {
    for (const cause of letterCauses) expect(read({ [headers.dlqCause]: cause }).cause).toBe(cause);
  });
});
