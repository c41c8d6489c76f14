import { required } from '../../../../test/kit';
import { createDatabase, dropDatabase, query } from '../../../../tools/platform/database';
import { jsonOf, runCli } from '../../testing/run-cli';

const INITIAL = 'Initial1763900000000';
let url: string;
beforeEach(async () => (url = await createDatabase(required('DATABASE_URL'), `test_${crypto.randomUUID()}`)));
afterEach(() => dropDatabase(required('DATABASE_URL'), url));

const database = (...args: string[]) => runCli(['database', ...args], { env: { DATABASE_URL: url } });

it('tells what is not applied, applies it once, and tells that it is', async () => {
  expect(await database('status')).toEqual({
    code: 1,
    out: `migration             state\n${INITIAL}  not applied\nThis release waits for what is not applied: talaria database migrate\n`,
    err: '',
  });
  expect((await database('migrate', '--dry-run')).out).toBe(`Would apply ${INITIAL}.\n`);
  const both = await Promise.all([database('migrate'), database('migrate')]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(both.map(({ out }) => out).sort()).toEqual([`Applied ${INITIAL}.\n`, 'The schema is up to date.\n']);
  expect(await database('status')).toMatchObject({ code: 0, out: expect.stringContaining('may work with') });
});

it('refuses to change what a newer release has migrated, and says whether its services may run', async () => {
  await database('migrate');
  await query(url, `INSERT INTO migrations (timestamp, name) VALUES (1999000000000, 'Later')`);
  const refused = await database('migrate');
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.err).toContain('newer than this release: it does not know Later. Nothing was changed');
  expect(await database('status')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/Later +applied by a newer release/),
  });
  await query(url, `UPDATE oldest_program SET migration = 'Later'`);
  expect(await database('status')).toMatchObject({ code: 1, out: expect.stringContaining('too new') });
  expect(await jsonOf(['database', 'status'], { env: { DATABASE_URL: url } })).toEqual({
    applied: [INITIAL, 'Later'],
    pending: [],
    unknown: ['Later'],
    oldest: 'Later',
    suits: false,
  });
});
