import fc from 'fast-check';
import { splitNotification, type Item } from './split-notification';

// A notification is written here with a mark around each of its items; what the marks enclose is what splitting must find.
const OPEN = '\uE000';
const CLOSE = '\uE001';

type Fields = Record<string, unknown>;
/** Arrays of items, and where such an item names its person. */
const personKeys: Readonly<Record<string, string>> = {
  messages: 'from',
  statuses: 'recipient_id',
  message_echoes: 'to',
  user_preferences: 'wa_id',
  user_id_update: 'wa_id',
};
const isItems = (key: string, value: unknown): value is unknown[] =>
  Object.hasOwn(personKeys, key) && Array.isArray(value);

const space = fc.constantFrom('', '', ' ', '\n\t', '\r\n  ');
const odd = fc.constantFrom(
  '12345678901234567890.10',
  '-0',
  '1E+400',
  '"\\u00e9\\/\\ud83d\\ude00"',
  '"\\ud800"',
  '"é😀\u2028"',
  '"[{\\"}]\\\\"',
  '""',
  '[]',
  '{}',
  '{"a":1,"a":[2]}',
  '[{"messages":[1,2],"entry":[{}]}]',
);
/** What stands where a list of items could. */
const noList = odd.filter((text) => !text.startsWith('['));
const anyValue = fc.oneof(odd, fc.json({ maxDepth: 2 }));

/** A key, of which one letter may be escaped. */
const key = (name: string) =>
  fc.constantFrom(
    `"${name}"`,
    `"${name}"`,
    `"\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}"`,
  );
const member = (name: string, value: fc.Arbitrary<string>) =>
  fc
    .tuple(space, key(name), space, space, value, space)
    .map(([a, k, b, c, v, d]) => `${a}${k}${b}:${c}${v}${d}`);
const list = (elements: fc.Arbitrary<readonly string[]>) =>
  fc.tuple(elements, space).map(([some, a]) => `[${some.map((one) => `${a}${one}${a}`).join(',')}${a}]`);
const object = (members: readonly fc.Arbitrary<string>[], minLength = 0) =>
  fc
    .shuffledSubarray([...members], { minLength })
    .chain((some) => fc.tuple(space, ...some))
    .map(([a, ...some]) => `{${a}${some.join(',')}}`);
const beside = ['errors', 'toString', '__proto__', 'x'].map((name) => member(name, anyValue));

const isMarked = (text: string) => text.includes(OPEN);
const marked = (text: string) => `${OPEN}${text}${CLOSE}`;
/** Who holds no item is one. */
const orItself = (text: string) => (isMarked(text) ? text : marked(text));

const person = fc.constantFrom('1', '2', '3');
const itemOf = (name: string) =>
  fc.oneof(
    anyValue,
    object(
      [
        member('id', anyValue),
        member(
          personKeys[name] ?? '',
          person.map((id) => `"${id}"`),
        ),
        ...beside,
      ],
      2,
    ),
  );
const itemArray = (name: string) =>
  member(
    name,
    fc.oneof({ weight: 5, arbitrary: list(fc.array(itemOf(name).map(marked), { maxLength: 3 })) }, noList),
  );
const contacts = list(
  fc.array(
    person.map((id) => `{"wa_id":"${id}","n":1.10}`),
    { maxLength: 4 },
  ),
);
const levels = (repeats: boolean) => {
  const twice = (one: fc.Arbitrary<string>) => (repeats ? [one, one] : [one]);
  const value = object([
    ...Object.keys(personKeys).map(itemArray).flatMap(twice),
    ...twice(member('contacts', contacts)),
    member('metadata', fc.constant('{"phone_number_id":"200"}')),
    ...beside,
  ]);
  const change = object([...twice(member('value', value)), member('field', anyValue), ...beside]);
  const changes = list(fc.array(change.map(orItself), { maxLength: 3 }));
  const entry = object([
    ...twice(member('changes', changes)),
    member('id', anyValue),
    member('time', anyValue),
    ...beside,
  ]);
  const entries = list(fc.array(entry.map(orItself), { maxLength: 3 }));
  return fc
    .tuple(space, object([...twice(member('entry', entries)), member('object', anyValue), ...beside]), space)
    .map(([before, root, after]) => `${before}${orItself(root)}${after}`);
};

/** The body without the marks, and the bytes between them. */
function unmark(text: string): { body: Buffer; places: [number, number][] } {
  const parts = text.split(/([\uE000\uE001])/);
  const places: [number, number][] = [];
  let body = '';
  let start = 0;
  for (const part of parts) {
    if (part === OPEN) start = Buffer.byteLength(body);
    else if (part === CLOSE) places.push([start, Buffer.byteLength(body)]);
    else body += part;
  }
  return { body: Buffer.from(body), places };
}

const split = (body: Buffer) => splitNotification(body) ?? [];
const startOf = (item: Item, body: Buffer) => item.bytes.byteOffset - body.byteOffset;

/** Each item as its envelope must read, computed from the parsed body; items in the order of the text. */
function envelopesOf(root: unknown): unknown[] {
  const around = (parent: Fields, name: string, value: unknown) => ({ ...parent, [name]: value });
  const elements = (parent: unknown, name: string) => {
    const value = (parent as Fields | null)?.[name];
    return Array.isArray(value) ? (value as Fields[]) : [];
  };
  return elements(root, 'entry').flatMap((entry) => {
    const outer = (inner: unknown) => around(root as Fields, 'entry', [inner]);
    const changes = elements(entry, 'changes');
    if (changes.length === 0) return [outer(entry)];
    return changes.flatMap((change) => {
      const inEntry = (inner: unknown) => outer(around(entry, 'changes', [inner]));
      const items = itemsOf(change.value);
      if (items.length === 0) return [inEntry(change)];
      return items.map((value) => inEntry(around(change, 'value', value)));
    });
  });
}

/** The value with each of its items alone. */
function itemsOf(value: unknown): Fields[] {
  const fields = Object.entries((value ?? {}) as Fields);
  const items = fields.flatMap(([name, some]) =>
    isItems(name, some) ? some.map((item) => ({ name, item })) : [],
  );
  const people = items.map(({ name, item }) => (item as Fields | null)?.[personKeys[name] ?? '']);
  return items.map(({ name, item }, index) =>
    Object.fromEntries(
      fields.flatMap(([other, content]): [string, unknown][] => {
        if (other === name) return [[other, [item]]];
        if (isItems(other, content)) return [];
        if (other !== 'contacts' || !Array.isArray(content) || content.length === 0)
          return [[other, content]];
        const own = (content as { wa_id: string }[]).filter(({ wa_id: id }) =>
          people.includes(id) ? people[index] === id : index === 0,
        );
        return own.length === 0 ? [] : [[other, own]];
      }),
    ),
  );
}

describe('splitting any notification text', () => {
  const plain = levels(false);
  const any = fc.oneof(plain, levels(true));

  it('finds each item once, and nothing else: the items, put back into what was around them, are the body', () => {
    fc.assert(
      fc.property(any, (text) => {
        const { body, places } = unmark(text);
        const items = split(body);
        expect(items.map((item) => [startOf(item, body), startOf(item, body) + item.bytes.length])).toEqual(
          places,
        );
        const ends = [0, ...places.map(([, end]) => end)];
        const skeleton = ends.map((end, index) => body.subarray(end, places[index]?.[0]));
        const carried = items.map(({ envelope }) => split(envelope)[0]?.bytes ?? Buffer.alloc(0));
        const together = skeleton.flatMap((part, index) => [part, carried[index] ?? Buffer.alloc(0)]);
        expect(Buffer.concat(together).toString()).toBe(body.toString());
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves one item in each envelope, of the same kind and about the same', () => {
    const about = ({ bytes: _, contacts: __, envelope: ___, ...rest }: Item) => rest;
    fc.assert(
      fc.property(any, (text) => {
        const items = split(unmark(text).body);
        expect(items.map(({ envelope }) => split(envelope).map(about))).toEqual(
          items.map((item) => [about(item)]),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps all that stood around an item, member by member, with the contacts that it refers to', () => {
    fc.assert(
      fc.property(plain, (text) => {
        const { body } = unmark(text);
        const items = split(body);
        const envelopes = items.map(({ envelope }) => JSON.parse(envelope.toString()) as unknown);
        const expected =
          items.length === 1
            ? [JSON.parse(body.toString()) as unknown]
            : envelopesOf(JSON.parse(body.toString()));
        // As text: it tells the order of members too, and those that are named like the prototype.
        expect(envelopes.map((one) => JSON.stringify(one))).toEqual(
          expected.map((one) => JSON.stringify(one)),
        );
      }),
      { numRuns: 2000 },
    );
  });
});
