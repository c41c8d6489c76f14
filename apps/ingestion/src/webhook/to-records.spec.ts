import { createHash } from 'node:crypto';
import { headers, topics } from '@talaria/contracts';
import { toRecords } from './to-records';

const receivedAt = new Date('2026-11-23T04:05:06.789Z');
const toRecordsOf = (body: string | Buffer, appId = '') =>
  toRecords({ deliveryId: 'd-1', receivedAt, body: Buffer.from(body), appId });
const bodyWith = (value: Record<string, unknown>, entry: Record<string, unknown> = { id: '100' }) =>
  JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ ...entry, changes: [{ field: 'messages', value }] }],
  });

describe('the records of a webhook', () => {
  it('are one for each item, all telling of the same delivery', () => {
    const body = bodyWith({
      messages: [
        { id: 'a', from: '4915100001' },
        { id: 'b', from: '4915100002' },
      ],
    });
    const records = toRecordsOf(body);
    expect(records.map(({ topic, key }) => [topic, key])).toEqual([
      [topics.webhooks.name, '4915100001'],
      [topics.webhooks.name, '4915100002'],
    ]);
    expect(records.map((record) => record.headers)).toEqual(
      ['0', '1'].map((index) => ({
        [headers.deliveryId]: 'd-1',
        [headers.receivedAt]: '2026-11-23T04:05:06.789Z',
        [headers.bodySha256]: createHash('sha256').update(body).digest('hex'),
        [headers.itemIndex]: index,
        [headers.itemCount]: '2',
      })),
    );
  });

  it.each([
    [
      'a status: the recipient',
      bodyWith({ statuses: [{ id: 'a', recipient_id: '4915100001' }] }),
      '4915100001',
    ],
    ['no phone: the user id', bodyWith({ messages: [{ id: 'a', from_user_id: 'DE.1' }] }), 'DE.1'],
    ['an account change: the WABA', bodyWith({ event: 'DISABLED_UPDATE' }), '100'],
    ['nothing known: the delivery', '{"entry":[]}', 'd-1'],
    [
      'a phone with signs: its digits',
      bodyWith({ messages: [{ id: 'a', from: '+49 151 00001' }] }),
      '4915100001',
    ],
  ])('are keyed by whom they are about: %s', (_, body, key) => {
    expect(toRecordsOf(body).map((record) => record.key)).toEqual([key]);
  });

  it('tell the app of the registry that they came by, also as a dead letter', () => {
    for (const body of [bodyWith({ event: 'DISABLED_UPDATE' }), 'no JSON'])
      expect(toRecordsOf(body, '4711').map((record) => record.headers?.[headers.appId])).toEqual(['4711']);
  });

  it('carry the bytes of a body with one item unchanged', () => {
    const body =
      '{ "entry":[{"id":1,"changes":[{"field":"messages","value":{"messages":[{"text":"\\u00e9\\/"}]}}]}] }';
    expect(toRecordsOf(body)[0]?.value).toEqual(Buffer.from(body));
  });

  it('are one dead letter with the bytes unchanged when the body is not JSON', () => {
    const body = Buffer.from([0xff, 0x00, 0x7b]);
    expect(toRecordsOf(body)).toEqual([
      {
        topic: topics.webhooksDlq.name,
        key: 'd-1',
        value: body,
        headers: expect.objectContaining({ [headers.dlqCause]: 'decode', [headers.deliveryId]: 'd-1' }),
      },
    ]);
  });
});
