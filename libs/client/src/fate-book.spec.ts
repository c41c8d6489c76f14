import { type Fate } from './fate';
import { FateBook } from './fate-book';

const fateOf = (id: string, version = 1): Fate => ({
  ...{ wabaId: '1', commandId: id, phoneNumberId: '2', attempt: 1, at: '', version },
  ...{ state: 'accepted', wamid: `wamid.${id}.${version}` },
});
const ref = (id: string) => ({ wabaId: '1', id });

it('forgets the oldest fate, but tells everyone who waits', async () => {
  const book = new FateBook(2);
  const waiting = book.fateOf(ref('a'), 1000);
  for (const id of ['a', 'b', 'c']) book.tell(fateOf(id));
  expect(await waiting).toMatchObject({ commandId: 'a' });
  await expect(book.fateOf(ref('a'), 1)).rejects.toThrow('within 1 ms');
  expect(await book.fateOf(ref('b'), 1)).toMatchObject({ commandId: 'b' });
});

it('keeps the last fate of a command, whatever is told again', async () => {
  const book = new FateBook();
  for (const version of [1, 3, 1, 3]) book.tell(fateOf('a', version));
  expect(await book.fateOf(ref('a'), 1)).toMatchObject({ version: 3 });
});
