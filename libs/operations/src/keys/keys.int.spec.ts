import {
  createKeyProvider,
  generateKey,
  keyIdOf,
  open,
  parseKeys,
  type Place,
  seal,
} from '@talaria/registry';
import { testDatabase, type TestDatabase } from '../../../../test/kit';
import { rewrapAll } from './keys';

const keysOf = (...lines: string[]) =>
  createKeyProvider({ SECRETS_KEYS: parseKeys(lines.join()), SECRETS_KEYS_FILE: '' });
const [old, fresh] = [generateKey('old'), generateKey('fresh')];
const both = keysOf(fresh, old);
const ACCOUNTS = 450;
const placeOf = (id: number): Place => ({ table: 'wabas', id: String(id), column: 'access_token' });

let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase();
  const ids = Array.from({ length: ACCOUNTS }, (_, id) => id);
  const tokens = await Promise.all(ids.map((id) => seal(keysOf(old), placeOf(id), `token ${id}`)));
  await database.dataSource.query(
    `INSERT INTO wabas (waba_id, name, access_token) SELECT id, 'x', token FROM unnest($1::text[], $2::text[]) AS t (id, token)`,
    [ids, tokens],
  );
});
afterEach(() => database.close());

const stored = async () => {
  const rows = await database.dataSource.query<{ waba_id: string; access_token: string }[]>(
    'SELECT waba_id, access_token FROM wabas',
  );
  return new Map(rows.map((row) => [Number(row.waba_id), row.access_token]));
};

it('goes on where it was interrupted, and keeps every token', async () => {
  const interrupt = new AbortController();
  const access = { dataSource: database.dataSource, keys: both };
  const progress: number[] = [];
  const first = await rewrapAll(access, {
    signal: interrupt.signal,
    onProgress(done) {
      progress.push(done);
      interrupt.abort();
    },
  });
  expect(first).toMatchObject({ rewrapped: 200, current: 0 });
  const second = await rewrapAll(access, { onProgress: (done) => progress.push(done) });
  expect(second).toMatchObject({ rewrapped: 250, current: 200, replaced: 0, faults: [] });
  expect(progress).toEqual([200, 200, 250]);
  for (const [id, token] of await stored()) {
    expect(keyIdOf(token)).toBe('fresh');
    expect(await open(keysOf(fresh), placeOf(id), token)).toBe(`token ${id}`);
  }
});

it('leaves what somebody stores meanwhile, and both secrets of an app', async () => {
  const secretsOf: Place = { table: 'apps', id: 'default', column: 'app_secrets' };
  const secrets = [await seal(keysOf(old), secretsOf, 'one'), await seal(keysOf(old), secretsOf, 'two')];
  await database.dataSource.query('UPDATE apps SET app_secrets = $1', [secrets]);
  const replaced = await seal(both, placeOf(7), 'replaced');
  // The token is replaced after it was read, and before it is written.
  const keys = {
    ...both,
    async wrap(dataKey: Buffer, context: string) {
      if (context.startsWith('wabas/7/'))
        await database.dataSource.query(`UPDATE wabas SET access_token = $1 WHERE waba_id = '7'`, [replaced]);
      return both.wrap(dataKey, context);
    },
  };
  const done = await rewrapAll({ dataSource: database.dataSource, keys });
  expect(done).toMatchObject({ rewrapped: ACCOUNTS + 1, replaced: 1, faults: [] });
  expect(await open(both, placeOf(7), (await stored()).get(7)!)).toBe('replaced');
  const [app] = await database.dataSource.query<{ app_secrets: string[] }[]>('SELECT app_secrets FROM apps');
  const opened = app!.app_secrets.map((sealed) => open(keysOf(fresh), secretsOf, sealed));
  expect(await Promise.all(opened)).toEqual(['one', 'two']);
});
