import fc from 'fast-check';
import { testDatabase, type TestDatabase } from '../../../test/kit';
import { arrayOf } from './arrays';
import { type Sql, sqlOf } from './transaction';

let database: TestDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await testDatabase();
  sql = sqlOf(database.dataSource);
}, 60_000);
afterAll(() => database.close());

/** As Postgres read it, told as text. */
async function readBack(type: string, array: Buffer, as = `item::text`): Promise<unknown[]> {
  const rows = await sql<{ told: unknown }>(
    `SELECT ${as} AS told FROM unnest($1::${type}[]) WITH ORDINALITY AS t (item, place) ORDER BY place`,
    [array],
  );
  return rows.map(({ told }) => told);
}

const some = <T>(items: fc.Arbitrary<T>) => fc.array(fc.option(items), { maxLength: 20 });
const asText = (item: number | null) => (item === null ? null : String(item));
/** Postgres stores no null character. */
const texts = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''));

it.each([
  ['smallint', arrayOf.smallint, fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 })],
  ['integer', arrayOf.integer, fc.integer()],
  ['bigint', arrayOf.bigint, fc.maxSafeInteger()],
] as const)('numbers come as they are: %s', async (type, encode, numbers) => {
  await fc.assert(
    fc.asyncProperty(some(numbers), async (items) => {
      expect(await readBack(type, encode(items))).toEqual(items.map(asText));
    }),
    { numRuns: 50 },
  );
});

it('texts and bytes come as they are, empty ones and none among them', async () => {
  await fc.assert(
    fc.asyncProperty(some(texts), some(fc.uint8Array()), async (words, arrays) => {
      expect(await readBack('text', arrayOf.text(words))).toEqual(words);
      const bytes = arrays.map((array) => array && Buffer.from(array));
      expect(await readBack('bytea', arrayOf.bytea(bytes), 'item')).toEqual(bytes);
    }),
    { numRuns: 50 },
  );
});

it('JSON comes as it is', async () => {
  const values = [{ a: '"ü\\' }, [1, null], 'x'];
  const json = [...values.map((value) => JSON.stringify(value)), null];
  expect(await readBack('json', arrayOf.json(json), 'item')).toEqual([...values, null]);
  expect(await readBack('jsonb', arrayOf.jsonb(json), 'item')).toEqual([...values, null]);
});

it('a text that Postgres cannot store is refused, and nothing is told of it', async () => {
  const refused = readBack('text', arrayOf.text(['secret\0']));
  await expect(refused).rejects.toMatchObject({ code: '22021' });
  await expect(refused).rejects.not.toThrow('secret');
});
