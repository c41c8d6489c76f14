import { type SendMessage } from '@talaria/contracts';
import fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { fingerprintOf } from './fingerprint';

const commandWith = (content: unknown) =>
  ({
    id: 'a',
    wabaId: '1',
    phoneNumberId: '2',
    to: '+1555',
    message: { type: 'x', content },
  }) as unknown as SendMessage;

/** The same, with the keys of every object turned round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, one]) => [key, turned(one)]),
  );
}

it('is the same for the same contents in any order, and another for others', () => {
  const contents = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(contents, contents, (one, other) => {
      const read = (value: unknown) => JSON.parse(JSON.stringify(commandWith(value))) as SendMessage;
      const [first, second] = [read(one), read(other)];
      expect(fingerprintOf(turned(first) as SendMessage)).toEqual(fingerprintOf(first));
      expect(fingerprintOf(first).equals(fingerprintOf(second))).toBe(isDeepStrictEqual(first, second));
    }),
    { numRuns: 500 },
  );
});

it('keeps apart what only the order of a list tells apart', () => {
  expect(fingerprintOf(commandWith([1, 2]))).not.toEqual(fingerprintOf(commandWith([2, 1])));
});

it('keeps apart an object and a list that hold the same, however deep', () => {
  const all = [{ a: 1 }, ['a', 1], [['a', 1]], [{ a: 1 }], {}, [], [[]], JSON.parse('{"__proto__":1}')].map(
    (content) => fingerprintOf(commandWith(content)).toString('hex'),
  );
  expect(new Set(all).size).toBe(all.length);
});
