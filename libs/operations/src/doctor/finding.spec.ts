import { skewFinding } from './clock';
import { type Check, NotCheckedError, runChecks } from './finding';

const check = (name: string, run: () => Promise<never[]>): Check => ({ name, run });

it('a check that is late, breaks, or cannot look is a finding like any other, and keeps no other from looking', async () => {
  const findings = await runChecks(
    [
      check('dead', () => new Promise(() => undefined)),
      check('broken', () => Promise.reject(new TypeError('x is not a function'))),
      check('blind', () => Promise.reject(new NotCheckedError('the database cannot be asked'))),
      { name: 'well', run: () => Promise.resolve([{ subject: 's', result: 'ok', found: 'all' }]) },
    ],
    50,
  );
  expect(findings.map(({ check: name, result, found }) => [name, result, found])).toEqual([
    ['dead', 'failed', 'no answer within 0.05 s'],
    ['broken', 'failed', 'the check itself broke: x is not a function'],
    ['blind', 'warning', 'not checked: the database cannot be asked'],
    ['well', 'ok', 'all'],
  ]);
  expect(findings.filter(({ result, remedy }) => result !== 'ok' && remedy === undefined)).toEqual([]);
});

it.each([
  [999, 'ok', /within 1 s/],
  [-1001, 'warning', /1.0 s behind this/],
  [5000, 'warning', /5.0 s ahead of this/],
  [5001, 'failed', /ahead/],
  [-3_600_000, 'failed', /3600.0 s behind/],
])('a clock that is %i ms ahead is %s', (aheadMs, result, found) => {
  expect(skewFinding('Postgres', aheadMs)).toMatchObject({ result, found: expect.stringMatching(found) });
});
