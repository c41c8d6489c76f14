import { Readable } from 'node:stream';
import { confirm } from './confirm';
import { type Context } from './context';
import { UsageError } from './fault-of';

async function ask(typed: string, flags: Parameters<typeof confirm>[1] = {}, isTTY = true) {
  let asked = '';
  const stdin = Object.assign(Readable.from(typed === '' ? [] : [Buffer.from(typed)]), { isTTY });
  const stderr = { write: (text: string) => (asked += text) };
  const outcome = await confirm({ stdin, stderr } as unknown as Context, flags, 'Remove number 1?').then(
    () => 'goes on',
    (error: unknown) => (error instanceof UsageError ? 'usage' : (error as Error).message),
  );
  return { asked, outcome };
}

it.each([
  ['y\n', 'goes on'],
  ['Yes\n', 'goes on'],
  ['n\n', 'Nothing was done.'],
  ['\n', 'Nothing was done.'],
  ['', 'Nothing was done.'],
])('asks on a terminal, and takes only a yes for one: %j', async (typed, outcome) => {
  expect(await ask(typed)).toEqual({ asked: 'Remove number 1? [y/N] ', outcome });
});

it('does not ask when told not to, when nothing is done, or where nobody is', async () => {
  expect(await ask('', { yes: true })).toEqual({ asked: '', outcome: 'goes on' });
  expect(await ask('', { dryRun: true })).toEqual({ asked: '', outcome: 'goes on' });
  expect(await ask('y\n', {}, false)).toEqual({ asked: '', outcome: 'usage' });
});
