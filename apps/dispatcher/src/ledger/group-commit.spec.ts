import { groupCommit } from './group-commit';

/** Statements that end when the test says so. */
function heldStatements() {
  const begun: { items: readonly number[]; end: () => void; fail: () => void }[] = [];
  const call = groupCommit(
    (items: readonly number[]) =>
      new Promise<readonly string[]>((resolve, reject) => {
        begun.push({
          items,
          end: () => resolve(items.map((item) => `answer ${item}`)),
          fail: () => reject(new Error('away')),
        });
      }),
    3,
  );
  return { begun, call };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('runs one statement at a time, and what came meanwhile goes together in the order of the calls', async () => {
  const { begun, call } = heldStatements();
  const first = call(0);
  await turn();
  const rest = [1, 2, 3, 4].map(call);
  await turn();
  expect(begun.map(({ items }) => items)).toEqual([[0]]);
  begun[0]!.end();
  await turn();
  expect(begun.map(({ items }) => items)).toEqual([[0], [1, 2, 3]]);
  begun[1]!.end();
  await turn();
  expect(begun.map(({ items }) => items)).toEqual([[0], [1, 2, 3], [4]]);
  begun[2]!.end();
  expect(await Promise.all([first, ...rest])).toEqual([0, 1, 2, 3, 4].map((item) => `answer ${item}`));
});

it('tells a failure to every caller of the statement, and goes on with the next', async () => {
  const { begun, call } = heldStatements();
  const failing = Promise.allSettled([call(1), call(2)]);
  await turn();
  const next = call(3);
  begun[0]!.fail();
  expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await turn();
  begun[1]!.end();
  expect(await next).toBe('answer 3');
});
