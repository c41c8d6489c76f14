import { formatCallbackData, headers } from '@talaria/contracts';
import fc from 'fast-check';
import {
  aMessage,
  aNotification,
  aRecord,
  aStatus,
  aTextMessage,
  aWebhook,
  mainRows,
  type Notification,
  NUMBER,
  PHONE,
  SECONDS,
  USER_ID,
  WABA,
} from '../../testing/records';
import { type KafkaRecord } from '@talaria/kafka';
import { translateWebhook } from './translate-webhook';

const translated = (record: KafkaRecord) => mainRows(translateWebhook(record));

const at = new Date(SECONDS * 1000);

const rowsOf = (notification: Notification) => translated(aWebhook(notification));
const messageOf = (message: unknown, more = {}) => rowsOf({ value: { messages: [message], ...more } })?.[0];
const statusOf = (status: unknown) => rowsOf({ value: { statuses: [status] } })?.[0];

describe('a message', () => {
  it('becomes a row with whatever Meta told of it, and its own bytes', () => {
    const message = aTextMessage({
      text: 'Bonjour',
      from_user_id: USER_ID,
      context: { from: '15550000000', id: 'wamid.quoted' },
    });
    const contacts = [{ wa_id: PHONE, user_id: USER_ID, profile: { name: 'Zoë' } }];
    expect(messageOf(message, { contacts })).toEqual({
      kind: 'message',
      phoneNumberId: NUMBER,
      wamid: 'wamid.text',
      wabaId: WABA,
      direction: 'inbound',
      contactPhone: PHONE,
      contactUserId: USER_ID,
      contactName: 'Zoë',
      isOurs: true,
      arrivedAt: new Date(SECONDS * 1000 + 5000),
      month: '2025-06-01',
      groupId: null,
      type: 'text',
      text: 'Bonjour',
      mediaId: null,
      mediaMimeType: null,
      mediaSha256: null,
      mediaFilename: null,
      contextWamid: 'wamid.quoted',
      messageAt: at,
      isEcho: false,
      item: Buffer.from(JSON.stringify(message)),
    });
  });

  const reply = (type: string, content: unknown) =>
    aMessage('interactive', { interactive: { type, [type]: content } });

  it.each<[string, unknown, string | null]>([
    ['text', aTextMessage({ text: 'hi' }), 'hi'],
    ['image with a caption', aMessage('image', { image: { id: '1', caption: 'my cat' } }), 'my cat'],
    ['image without', aMessage('image', { image: { id: '1', mime_type: 'image/jpeg' } }), null],
    ['video', aMessage('video', { video: { id: '1', caption: 'my dog' } }), 'my dog'],
    ['audio', aMessage('audio', { audio: { id: '1', voice: true } }), null],
    ['document', aMessage('document', { document: { id: '1', filename: 'a.pdf', caption: 'bill' } }), 'bill'],
    ['sticker', aMessage('sticker', { sticker: { id: '1', animated: false } }), null],
    [
      'named place',
      aMessage('location', { location: { latitude: 1, longitude: '2', name: 'Home' } }),
      'Home',
    ],
    [
      'address',
      aMessage('location', { location: { latitude: 1, longitude: 2, address: 'Road 1' } }),
      'Road 1',
    ],
    ['contacts', aMessage('contacts', { contacts: [{ name: { formatted_name: 'X' } }] }), null],
    ['button reply', reply('button_reply', { id: '1', title: 'Yes' }), 'Yes'],
    ['list reply', reply('list_reply', { id: '1', title: 'Two', description: 'second' }), 'Two'],
    ['flow reply', reply('nfm_reply', { name: 'flow', body: 'Sent', response_json: 'not json' }), 'Sent'],
    ['call permission', reply('call_permission_reply', { response: 'accept' }), null],
    ['interactive whose object is missing', aMessage('interactive', { errors: [{ code: 131_000 }] }), null],
    ['template button', aMessage('button', { button: { payload: 'p', text: 'Stop' } }), 'Stop'],
    ['reaction', aMessage('reaction', { reaction: { message_id: 'wamid.x', emoji: '👍' } }), '👍'],
    ['reaction taken back', aMessage('reaction', { reaction: { message_id: 'wamid.x', emoji: '' } }), null],
    [
      'order',
      aMessage('order', { order: { catalog_id: '1', text: 'two please', product_items: [] } }),
      'two please',
    ],
    ['system', aMessage('system', { system: { body: 'changed number', wa_id: '1' } }), 'changed number'],
    [
      'edit',
      aMessage('edit', {
        edit: { original_message_id: 'o', message: { type: 'text', text: { body: 'better' } } },
      }),
      'better',
    ],
    ['revoke', aMessage('revoke', { revoke: { original_message_id: 'o' } }), null],
    [
      'unsupported',
      aMessage('unsupported', { errors: [{ code: 131_051 }], unsupported: { type: 'gif' } }),
      null,
    ],
    ['type of the future', aMessage('hologram', { hologram: { caption: 'whoa' } }), 'whoa'],
  ])('of type %s keeps its type and the text that a person reads', (_, message, text) => {
    expect(messageOf(message)).toMatchObject({
      kind: 'message',
      type: (message as { type: string }).type,
      text,
    });
  });

  it('without a phone belongs to the user id', () => {
    expect(messageOf({ ...aTextMessage({ from_user_id: USER_ID }), from: undefined })).toMatchObject({
      contactPhone: null,
      contactUserId: USER_ID,
    });
  });

  it('about a new user id that came without a sender is found by what it tells', () => {
    const system = { body: 'x', type: 'user_changed_user_id', user_id: 'US.2' };
    expect(messageOf({ ...aMessage('system', { system }), from: undefined })).toMatchObject({
      contactPhone: null,
      contactUserId: 'US.2',
    });
  });

  it('never takes the name of another contact, where both lack the same id', () => {
    const others = [{ user_id: 'US.9', profile: { name: 'Somebody else' } }];
    const byUserId = { ...aTextMessage({ from_user_id: USER_ID }), from: undefined };
    expect(messageOf(byUserId, { contacts: others })).toMatchObject({ contactName: null });
    const stranger = [{ wa_id: '49000', profile: { name: 'Somebody else' } }];
    expect(messageOf(aTextMessage(), { contacts: stranger })).toMatchObject({ contactName: null });
  });

  it('sent by hand in the app is an echo: outbound, and about who it was sent to', () => {
    const echo = { ...aTextMessage({ from: '16505550000', to: PHONE }) };
    const [row] = rowsOf({ field: 'smb_message_echoes', value: { message_echoes: [echo] } }) ?? [];
    expect(row).toMatchObject({ kind: 'message', direction: 'outbound', isEcho: true, contactPhone: PHONE });
  });

  it('without a type is of type unknown', () => {
    expect(messageOf({ id: 'wamid.x', from: PHONE })).toMatchObject({
      type: 'unknown',
      text: null,
      messageAt: null,
    });
  });

  it('has no NUL and no half surrogate in its columns, as Postgres would refuse or change them', () => {
    const broken = aTextMessage({ id: 'wamid.\u0000\uD800', text: 'a\u0000b\uDC00c👍', from: '1\u0000' });
    expect(messageOf(broken)).toMatchObject({
      wamid: 'wamid.\uFFFD\uFFFD',
      text: 'a\uFFFDb\uFFFDc👍',
      contactPhone: null,
      item: Buffer.from(JSON.stringify(broken)),
    });
  });
});

describe('a status', () => {
  it('becomes a row with recipient, error and the command that it answers', () => {
    const status = aStatus({
      status: 'failed',
      recipient_user_id: USER_ID,
      biz_opaque_callback_data: formatCallbackData({ commandId: 'order:7', attempt: 3 }),
      errors: [{ code: 131_026, title: 'Message undeliverable' }, { code: 1 }],
    });
    expect(statusOf(status)).toEqual({
      kind: 'status',
      phoneNumberId: NUMBER,
      wamid: 'wamid.out',
      status: 'failed',
      participant: '-',
      wabaId: WABA,
      contactPhone: PHONE,
      contactUserId: USER_ID,
      month: '2025-06-01',
      pricingBillable: null,
      pricingModel: null,
      pricingType: null,
      pricingCategory: null,
      statusAt: at,
      errorCode: 131_026,
      errorTitle: 'Message undeliverable',
      commandId: 'order:7',
      attempt: 3,
      item: Buffer.from(JSON.stringify(status)),
    });
  });

  it.each([
    ['a phone', { recipient_participant_id: '4911', recipient_participant_user_id: 'DE.1' }, '4911'],
    ['a user id alone', { recipient_participant_user_id: 'DE.1' }, 'DE.1'],
    ['nothing', {}, '-'],
  ])('in a group is one for each participant, known by %s', (_, fields, participant) => {
    expect(statusOf(aStatus({ recipient_type: 'group', ...fields }))).toMatchObject({ participant });
  });

  it.each(['order-7', 'talaria/', 'talaria/a b/1', 'talaria/a/1/2', '', 7, null, {}])(
    'with the callback data %j of another system names no command',
    (data) => {
      expect(statusOf(aStatus({ biz_opaque_callback_data: data }))).toMatchObject({
        commandId: null,
        attempt: null,
      });
    },
  );

  it.each([
    ['seconds as text', '1749416383', at],
    ['seconds as number', 1_749_416_383, at],
    ['milliseconds as text', '1749416383123', new Date(1_749_416_383_123)],
    ['milliseconds as number', 1_749_416_383_123, new Date(1_749_416_383_123)],
  ])('reads a time in %s', (_, timestamp, expected) => {
    expect(statusOf(aStatus({ timestamp }))).toMatchObject({ statusAt: expected });
  });

  it.each([
    undefined,
    null,
    '',
    'soon',
    '0',
    -5,
    '1',
    1e300,
    '9999999999999',
    '1749416383000000',
    [1],
    {},
    true,
  ])('with the impossible time %j takes the time at which it arrived', (timestamp) => {
    const value = { statuses: [aStatus({ timestamp })] };
    const arrived = { [headers.receivedAt]: '2026-01-02T03:04:05.678Z' };
    expect(translated(aWebhook({ value }, { headers: arrived }))?.[0]).toMatchObject({
      statusAt: new Date('2026-01-02T03:04:05.678Z'),
    });
    expect(translated(aWebhook({ value }, { timestamp: 1_749_416_400_000 }))?.[0]).toMatchObject({
      statusAt: new Date(1_749_416_400_000),
    });
  });

  it.each(['131026', 1.5, 2 ** 31, null, []])('with the error code %j has none', (code) => {
    expect(statusOf(aStatus({ errors: [{ code }] }))).toMatchObject({ kind: 'status', errorCode: null });
  });

  it('that we do not know is kept like any other', () => {
    expect(statusOf(aStatus({ status: 'warning' }))).toMatchObject({ kind: 'status', status: 'warning' });
  });
});

describe('a change of the account', () => {
  const change = { field: 'phone_number_quality_update', value: { event: 'THROUGHPUT_UPGRADE' } };
  const rowOf = (notification: Notification) => rowsOf(notification)?.[0];

  it('becomes a row with the time of its entry', () => {
    expect(rowOf({ ...change, time: SECONDS })).toMatchObject({
      kind: 'change',
      wabaId: WABA,
      field: 'phone_number_quality_update',
      changedAt: at,
    });
  });

  it('is the same as its repeat, and another than at another time', () => {
    const hashOf = (time: unknown) => (rowOf({ ...change, time }) as { changeHash: Buffer }).changeHash;
    expect(hashOf(SECONDS)).toEqual(hashOf(SECONDS));
    expect(hashOf(SECONDS)).not.toEqual(hashOf(SECONDS + 1));
  });

  it('that a person made is theirs, and of the number it was made for', () => {
    const preference = {
      wa_id: PHONE,
      user_id: USER_ID,
      category: 'marketing_messages',
      value: 'stop',
      timestamp: 1,
    };
    const rowFor = (phoneNumberId: string) =>
      rowOf({ field: 'user_preferences', phoneNumberId, value: { user_preferences: [preference] } });
    const [one, other] = [rowFor('1'), rowFor('2')] as { changeHash: Buffer }[];
    expect(one).toMatchObject({ contactPhone: PHONE, contactUserId: USER_ID, phoneNumberId: '1' });
    expect(other).toMatchObject({ phoneNumberId: '2' });
    expect(one!.changeHash).not.toEqual(other!.changeHash);
  });
});

describe('what misses the ids that a row needs', () => {
  it.each<[string, unknown]>([
    ['a message without id', aNotification({ value: { messages: [{ ...aTextMessage(), id: undefined }] } })],
    ['a message whose id is a number', aNotification({ value: { messages: [aTextMessage({ id: 7 })] } })],
    [
      'a message without number',
      aNotification({ value: { metadata: undefined, messages: [aTextMessage()] } }),
    ],
    ['a status without id', aNotification({ value: { statuses: [{ ...aStatus(), id: '' }] } })],
    [
      'a status without a name',
      aNotification({ value: { statuses: [{ ...aStatus(), status: undefined }] } }),
    ],
    ['a change without WABA', { entry: [{ changes: [{ field: 'security', value: {} }] }] }],
    ['a change without field', { entry: [{ id: WABA, changes: [{ value: {} }] }] }],
    ['an entry without changes', { entry: [{ id: WABA }] }],
    ['no notification at all', { hello: 'world' }],
    ['a number', 42],
    ['null', null],
  ])('is kept whole as unknown: %s', (_, body) => {
    const value = Buffer.from(JSON.stringify(body));
    const rows = translated(aRecord({ value }));
    expect(rows).toEqual([
      { kind: 'unknown', itemHash: expect.any(Buffer), seenAt: expect.any(Date), item: value },
    ]);
  });
});

describe('a record', () => {
  it.each([null, '', 'not json', '{"entry":[', '\u0000'])('that holds %j can never be read', (value) => {
    expect(translated(aRecord({ value: value === null ? null : Buffer.from(value) }))).toBeUndefined();
  });

  it('with several items becomes a row for each', () => {
    const value = { messages: [aTextMessage({ id: 'a' }), aTextMessage({ id: 'b' })], statuses: [aStatus()] };
    expect(rowsOf({ value })?.map(({ kind }) => kind)).toEqual(['message', 'message', 'status']);
  });

  it('nested however deeply is read', () => {
    let deep = '{"type":"text","text":{"body":"x"}}';
    for (let depth = 0; depth < 20_000; depth++) deep = `{"type":"edit","edit":{"message":${deep}}}`;
    const body = JSON.stringify(aNotification({ value: { messages: ['HERE'] } })).replace(
      '"HERE"',
      `{"id":"wamid.deep","type":"edit","edit":{"message":${deep}}}`,
    );
    expect(translated(aRecord({ value: Buffer.from(body) }))).toMatchObject([
      { wamid: 'wamid.deep', text: null },
    ]);
  });
});

/** Objects with the fields that we read, each of them absent, right or of any type. */
const notToBeShown = fc.constant({ toString: 1, valueOf: 1 });
const anything = fc.oneof(fc.jsonValue({ stringUnit: 'binary', maxDepth: 3 }), notToBeShown);
const objectWith = (right: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  fc.record(
    Object.fromEntries(Object.entries(right).map(([name, fits]) => [name, fc.oneof(fits, anything)])),
    { requiredKeys: [] },
  );
const word = fc.constantFrom(
  'text',
  'edit',
  'interactive',
  'system',
  'image',
  'constructor',
  '__proto__',
  'toString',
);
const content = objectWith({
  body: fc.string({ unit: 'binary' }),
  type: word,
  caption: fc.string(),
  message: anything,
});
const item = fc.oneof(
  anything,
  objectWith({
    id: fc.string({ unit: 'binary' }),
    from: fc.string(),
    type: word,
    timestamp: fc.oneof(fc.double(), fc.string(), fc.integer()),
    text: content,
    edit: content,
    interactive: content,
    system: content,
    context: content,
    status: word,
    errors: fc.array(content),
    biz_opaque_callback_data: fc.string(),
    recipient_id: fc.string(),
  }),
);
const items = fc.array(item, { maxLength: 4 });

describe('whatever JSON stands where an item should be', () => {
  it('is never lost and never throws, and its columns are text that Postgres takes', () => {
    fc.assert(
      fc.property(
        fc.record({ messages: items, statuses: items, message_echoes: items, user_preferences: items }),
        fc.oneof(fc.constant([]), anything),
        anything,
        (value, contacts, time) => {
          const rows = rowsOf({ time, value: { ...value, contacts } });
          const count = Object.values(value).reduce((sum, { length }) => sum + length, 0);
          expect(rows).toHaveLength(Math.max(count, 1));
          for (const column of (rows ?? []).flatMap((row) => Object.values(row))) {
            if (typeof column === 'string') expect(column).not.toMatch(/\0|\p{Surrogate}/u);
            if (column instanceof Date) expect(column.getTime()).not.toBeNaN();
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('in place of a whole notification neither', () => {
    fc.assert(
      fc.property(
        fc.oneof(anything, objectWith({ entry: fc.array(objectWith({ id: word, changes: items })) })),
        (body) => {
          expect(translated(aRecord({ value: Buffer.from(JSON.stringify(body)) }))?.length).toBeGreaterThan(
            0,
          );
        },
      ),
    );
  });
});
