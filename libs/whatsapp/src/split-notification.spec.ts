import fc from 'fast-check';
import { splitNotification, type Item } from './split-notification';

type Json = Record<string, unknown>;
const split = (body: unknown): Item[] =>
  splitNotification(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))) ?? [];
const read = (item: Item | undefined) => JSON.parse(item?.envelope.toString('utf8') ?? 'null');
const notification = (...changes: unknown[]) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: '100', changes }],
});
const messagesChange = (value: Json) => ({
  field: 'messages',
  value: { messaging_product: 'whatsapp', metadata: { phone_number_id: '200' }, ...value },
});
const message = (id: string, from = '4915100001') => ({
  id,
  from,
  timestamp: '1',
  type: 'text',
  text: { body: id },
});

describe('a notification with one item', () => {
  it.each([
    [
      'escaped text',
      '{"object":"x","entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"id":"a","text":{"body":"\\u00e9 \\/ \\ud83d\\ude00"}}]}}]}]}',
    ],
    [
      'numbers beyond 2^53',
      '{"entry":[{"id":12345678901234567890,"changes":[{"field":"f","value":{"n":98765432109876543210.10}}]}]}',
    ],
    [
      'space and order of keys',
      ' {"entry" : [ {"changes":[{"value":{ "z":1 , "a":2 },"field":"f"}] , "id":"1"} ] }\n',
    ],
  ])('is passed on byte for byte: %s', (_, body) => {
    const items = split(body);
    expect(items).toHaveLength(1);
    expect(items[0]?.envelope.toString()).toBe(body);
  });

  it('says whose it is', () => {
    expect(split(notification(messagesChange({ messages: [message('wamid.1')] })))).toMatchObject([
      { kind: 'message', field: 'messages', wabaId: '100', phoneNumberId: '200', phone: '4915100001' },
    ]);
    expect(
      split(notification(messagesChange({ statuses: [{ id: 'wamid.1', recipient_user_id: 'DE.1' }] }))),
    ).toMatchObject([{ kind: 'status', userId: 'DE.1' }]);
    expect(
      split('{"entry":[{"id":12345678901234567890,"changes":[{"field":"flows","value":{}}]}]}'),
    ).toMatchObject([{ kind: 'change', field: 'flows', wabaId: '12345678901234567890' }]);
  });

  it('finds the person of a system message that names no sender', () => {
    const system = {
      id: 'wamid.1',
      type: 'system',
      system: { type: 'user_changed_user_id', user_id: 'DE.2' },
    };
    expect(split(notification(messagesChange({ messages: [system] })))).toMatchObject([{ userId: 'DE.2' }]);
  });
});

describe('a notification with several items', () => {
  it('gives each message, status and change an envelope of its own, with its own number', () => {
    const items = split({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: '100',
          time: 5,
          changes: [
            messagesChange({
              messages: [message('m1'), message('m2')],
              statuses: [{ id: 's1', status: 'sent' }],
            }),
            { field: 'account_update', value: { event: 'DISABLED_UPDATE' } },
          ],
        },
        {
          id: '101',
          changes: [
            { field: 'messages', value: { metadata: { phone_number_id: '201' }, messages: [message('m3')] } },
          ],
        },
      ],
    });
    expect(items.map((item) => [item.kind, item.wabaId, item.phoneNumberId])).toEqual([
      ['message', '100', '200'],
      ['message', '100', '200'],
      ['status', '100', '200'],
      ['change', '100', undefined],
      ['message', '101', '201'],
    ]);
    expect(read(items[1])).toEqual({
      object: 'whatsapp_business_account',
      entry: [{ id: '100', time: 5, changes: [messagesChange({ messages: [message('m2')] })] }],
    });
    expect(read(items[2]).entry[0].changes[0].value).not.toHaveProperty('messages');
  });

  it('keeps the bytes of each item', () => {
    const one = '{"id":"a","price":0.10,"n":12345678901234567890,"text":"\\u00e9\\/"}';
    const two = '{ "id" : "b" , "bad":"\\ud800" }';
    const items = split(
      `{"entry":[{"changes":[{"value":{"messages":[${one}, ${two}]},"field":"messages"}]}]}`,
    );
    expect(items.map((item) => item.envelope.toString())).toEqual([
      expect.stringContaining(`"messages":[${one}]`),
      expect.stringContaining(`"messages":[${two}]`),
    ]);
  });

  it('hands each item the contacts that it refers to, and strays to the first', () => {
    const contacts = [{ wa_id: '2', profile: { name: 'B' } }, { user_id: 'DE.1' }, { wa_id: '9' }];
    const items = split(
      notification(
        messagesChange({
          contacts,
          messages: [message('a', '1'), message('b', '2'), { id: 'c', from_user_id: 'DE.1' }],
        }),
      ),
    );
    expect(items.map((item) => read(item).entry[0].changes[0].value.contacts)).toEqual([
      [contacts[2]],
      [contacts[0]],
      [contacts[1]],
    ]);
    expect(items.map((item) => JSON.parse(String(item.contacts)) as unknown)).toEqual([
      contacts,
      contacts,
      contacts,
    ]);
  });

  it('tells how the number is displayed, and of no contacts where there are none', () => {
    const metadata = { phone_number_id: '200', display_phone_number: '+1 555\u00a00100' };
    const [item] = split(notification(messagesChange({ metadata, messages: [message('a')] })));
    expect(item).toMatchObject({ displayPhoneNumber: metadata.display_phone_number, contacts: undefined });
    expect(split('{"entry":[{"changes":[{"value":{"messages":[{"id":"a"}]}}]}]}')[0]).toMatchObject({
      displayPhoneNumber: undefined,
    });
  });

  it('keeps what stands beside the items with each of them', () => {
    const errors = [{ code: 131000 }];
    const items = split(notification(messagesChange({ errors, messages: [message('a'), message('b')] })));
    expect(items.map((item) => read(item).entry[0].changes[0].value.errors)).toEqual([errors, errors]);
  });

  it('keeps every digit around the items', () => {
    const around = '"x":12345678901234567890.10,"y":"\\u00e9\\/"';
    const items = split(
      `{"entry":[{${around},"changes":[{${around},"value":{${around},"messages":[1,2]}}]}],${around}}`,
    );
    for (const { envelope } of items) expect(envelope.toString().split(around)).toHaveLength(5);
  });

  it('keeps what only looks like items with each of them', () => {
    const value = { constructor: 1, toString: [2], messages: { id: 'a' }, user_preferences: null };
    const items = split(notification({ field: 'messages', value: { ...value, statuses: [{}, {}] } }));
    expect(items.map((item) => read(item).entry[0].changes[0].value)).toEqual([
      { ...value, statuses: [{}] },
      { ...value, statuses: [{}] },
    ]);
  });

  it('finds items behind repeated and escaped keys', () => {
    const items = split(
      '{"entry":[{"changes":[{"field":"messages","value":{"m\\u0065ssages":[{"id":"a"}],"messages":[]}},{"field":"messages","value":{"messages":[{"id":"b"}]},"value":{}}]}]}',
    );
    expect(items.map((item) => read(item).entry[0].changes[0].value.messages)).toEqual([
      [{ id: 'a' }],
      [{ id: 'b' }],
    ]);
  });
});

describe('a body that is not quite a notification', () => {
  it.each([
    ['an empty entry', { entry: [] }, 'unknown'],
    ['no entry', {}, 'unknown'],
    ['a list', [1, 2], 'unknown'],
    ['a number', 7, 'unknown'],
    ['an entry that is a text', { entry: 'x' }, 'unknown'],
    ['an entry without changes', { entry: [{ id: '1' }] }, 'unknown'],
    ['a change without a field', { entry: [{ changes: [{ value: {} }] }] }, 'unknown'],
    ['a change of a field nobody knows', { entry: [{ changes: [{ field: 'new', value: {} }] }] }, 'change'],
    ['no messages', { entry: [{ changes: [{ field: 'messages', value: { messages: [] } }] }] }, 'change'],
    [
      'a message that is a number',
      { entry: [{ changes: [{ field: 'messages', value: { messages: [3] } }] }] },
      'message',
    ],
  ])('is one item, unchanged: %s', (_, body, kind) => {
    const items = split(body);
    expect(items).toMatchObject([{ kind }]);
    expect(read(items[0])).toEqual(body);
  });

  it.each(['', 'hello', '{"entry":[', '{"a":1}}', '\u0000'])(
    'is not split when it is not JSON: %j',
    (body) => {
      expect(splitNotification(Buffer.from(body))).toBeUndefined();
    },
  );

  it('may be nested as deep as it likes', () => {
    const body = `{"entry":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    expect(split(body)).toHaveLength(1);
  });
});

describe('a notification that is very large', () => {
  const numbered = (count: number) => Array.from({ length: count }, (_, index) => message(`m${index}`));

  it('of a thousand updates, the most that Meta sends, is split', () => {
    const items = split(notification(messagesChange({ messages: numbered(1000) })));
    expect(items.map((item) => read(item).entry[0].changes[0].value.messages)).toEqual(
      numbered(1000).map((one) => [one]),
    );
  });

  const MIB = 1024 ** 2;
  const bytesOf = (items: readonly Item[]) => items.reduce((sum, { envelope }) => sum + envelope.length, 0);
  /** Of 16 messages; what is around them is repeated with each. */
  const withEnvelopesOf = (bytes: number) => {
    const withLarge = (large: number, rest: number) => {
      const [first, ...others] = numbered(16);
      const longer = { ...first, rest: 'x'.repeat(rest) };
      return notification(messagesChange({ large: 'x'.repeat(large), messages: [longer, ...others] }));
    };
    const missing = bytes - bytesOf(split(withLarge(0, 0)));
    return withLarge(Math.floor(missing / 16), missing % 16);
  };

  const many = '{},'.repeat(9999);
  it.each<[string, string]>([
    [
      'of more than 10 000 items',
      JSON.stringify(notification(messagesChange({ messages: numbered(10_001) }))),
    ],
    ['whose envelopes would be larger than 16 MiB together', JSON.stringify(withEnvelopesOf(16 * MIB + 1))],
    ['of thousands of repeated keys', `{"entry":[{${'"changes":[],'.repeat(20_000)}"changes":[${many}{}]}]}`],
    [
      'of thousands of contacts of one person',
      JSON.stringify(
        notification(
          messagesChange({
            contacts: numbered(5000).map(() => ({ wa_id: '4915100001' })),
            messages: numbered(5000),
          }),
        ),
      ),
    ],
  ])('%s is one unknown item, unchanged', (_, body) => {
    const items = split(body);
    expect(items.map(({ kind }) => kind)).toEqual(['unknown']);
    expect(items[0]?.envelope.equals(Buffer.from(body))).toBe(true);
  });

  it('of 10 000 items, or of envelopes of 16 MiB together, is split', () => {
    expect(split(`{"entry":[{"changes":[${many}{}]}]}`)).toHaveLength(10_000);
    const items = split(withEnvelopesOf(16 * MIB));
    expect(items).toHaveLength(16);
    expect(bytesOf(items)).toBe(16 * MIB);
  });
});

describe('splitting any notification', () => {
  const item = (kind: string) =>
    fc.record({ id: fc.string(), kind: fc.constant(kind), extra: fc.jsonValue() });
  const value = fc.record(
    {
      metadata: fc.record({ phone_number_id: fc.stringMatching(/^\d{3}$/) }),
      messages: fc.array(item('message'), { maxLength: 4 }),
      statuses: fc.array(item('status'), { maxLength: 4 }),
      contacts: fc.array(fc.record({ wa_id: fc.stringMatching(/^\d$/) }), { maxLength: 3 }),
      other: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const change = fc.record({ field: fc.constantFrom('messages', 'flows', 'é"\\'), value });
  const entry = fc.record({ id: fc.stringMatching(/^\d{3}$/), changes: fc.array(change, { maxLength: 4 }) });
  const body = fc.record({
    object: fc.constant('whatsapp_business_account'),
    entry: fc.array(entry, { maxLength: 3 }),
  });
  const written = fc
    .tuple(body, fc.constantFrom(0, 1, '\t'))
    .map(([data, space]) => JSON.stringify(data, null, space));

  const elements = (json: string) =>
    (JSON.parse(json) as { entry: { changes: { value: Json }[] }[] }).entry
      .flatMap((one) => one.changes)
      .flatMap((one) => [
        ...((one.value.messages as unknown[] | undefined) ?? []),
        ...((one.value.statuses as unknown[] | undefined) ?? []),
      ]);

  it('loses and invents nothing, and leaves one item in each envelope', () => {
    fc.assert(
      fc.property(written, (json) => {
        const items = split(json);
        const found = items
          .filter(({ kind }) => kind === 'message' || kind === 'status')
          .map(({ envelope }) => elements(envelope.toString('utf8')));
        expect(found.every((some) => some.length === 1)).toBe(true);
        expect(found.flat()).toEqual(elements(json));
        const again = items.map(({ envelope }) => splitNotification(envelope));
        expect(again.map((some) => some?.length)).toEqual(items.map(() => 1));
      }),
      { numRuns: 500 },
    );
  });

  it('loses no contact', () => {
    const contactsOf = (json: string) =>
      (JSON.parse(json) as { entry: { changes: { value: Json }[] }[] }).entry.flatMap((one) =>
        one.changes.flatMap((each) => (each.value.contacts as Json[] | undefined) ?? []),
      );
    fc.assert(
      fc.property(written, (json) => {
        const kept = split(json).flatMap(({ envelope }) => contactsOf(envelope.toString('utf8')));
        const ids = (some: Json[]) => new Set(some.map((contact) => contact.wa_id));
        expect(ids(kept)).toEqual(ids(contactsOf(json)));
      }),
    );
  });
});
