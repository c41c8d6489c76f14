import { query } from '../../../../tools/platform/database';
import { testDatabase, type TestDatabase } from '../../../../test/kit';
import { addMonths } from '../projection/create-projection';
import { shown } from '../projection/tables';
import { promoteProjection } from '../projection/promote-projection';
import { beginRebuild } from '../projection/versions';
import { createDataSource } from '../data-source';
import { migrate } from '../migrate';
import { inTransaction } from '../transaction';
import { grantRights, type Roles } from './grant-rights';
import { functionRights, projectionRights, publicRights, type User, users } from './matrix';

let database: TestDatabase;
let roles: Roles;
beforeAll(async () => {
  database = await testDatabase();
  const names = await Promise.all(
    users.map(async (user) => [user, new URL(await database.as(user)).username] as const),
  );
  roles = Object.fromEntries(names) as Roles;
}, 60_000);
afterAll(() => database.close());

const owner = <Row extends object>(sql: string) => query<Row>(database.url, sql);
const attempt = async (user: User, sql: string) =>
  query(await database.as(user), sql).then(
    () => 'done',
    (error: unknown) =>
      (error as { code?: string }).code === '42501' ? 'refused' : (error as Error).message,
  );

it('says of every table, view, sequence and function who may do what with it', async () => {
  const named = async (sql: string) => (await owner<{ name: string }>(sql)).map(({ name }) => name).sort();
  // A sequence that belongs to a column is used through it.
  const relations = (schema: string) =>
    named(`SELECT relname AS name FROM pg_class c WHERE relnamespace = '${schema}'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
           AND NOT relispartition AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'i' AND relkind = 'S')`);
  expect(await relations('public')).toEqual(Object.keys(publicRights).sort());
  expect(await relations('projection_1')).toEqual(Object.keys(projectionRights).sort());
  expect(
    await named(
      `SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace`,
    ),
  ).toEqual(
    Object.keys(functionRights)
      .map((name) => name.replaceAll(', ', ','))
      .sort(),
  );
});

it.each<[User, string]>([
  ['ingestion', 'SELECT FROM apps'],
  ['processor', 'SELECT waba_id, name, restricted_until FROM wabas FOR NO KEY UPDATE'],
  ['processor', 'UPDATE phone_numbers SET messages_per_second = 80'],
  ['processor', 'INSERT INTO projection_1.unknown_items SELECT * FROM projection_1.unknown_items'],
  ['dispatcher', 'SELECT access_token FROM phone_numbers'],
  ['dispatcher', 'SELECT app_id, ctid, xmin FROM apps'],
  ['dispatcher', 'SELECT FROM messages'],
  ['operator', 'UPDATE wabas SET access_token = access_token'],
  ['reader', 'SELECT name, restricted_until FROM wabas'],
  ['reader', 'SELECT FROM messages, contacts, backlog'],
])('lets %s: %s', async (user, sql) => {
  expect(await attempt(user, sql)).toBe('done');
});

it.each<[User, string]>([
  ['ingestion', 'SELECT FROM messages'],
  ['ingestion', 'SELECT FROM projection_1.messages'],
  ['ingestion', 'SELECT FROM wabas'],
  ['ingestion', 'SELECT FROM phone_numbers'],
  ['ingestion', 'SELECT FROM dispatch_backlog'],
  ['ingestion', 'SELECT FROM dead_letters'],
  ['ingestion', `UPDATE apps SET app_secrets = '{}'`],
  ['ingestion', `INSERT INTO apps (app_id) VALUES ('1')`],
  ['ingestion', 'DELETE FROM apps'],
  ['processor', 'SELECT access_token FROM wabas'],
  ['processor', 'SELECT access_token FROM phone_numbers'],
  ['processor', 'SELECT * FROM phone_numbers'],
  ['processor', 'SELECT app_secrets FROM apps'],
  ['processor', 'UPDATE wabas SET access_token = NULL'],
  ['processor', 'UPDATE phone_numbers SET paused_until = NULL'],
  ['processor', 'SELECT FROM dispatch_commands'],
  ['processor', 'SELECT FROM dispatch_backlog'],
  ['processor', `UPDATE dead_letters SET state = 'open'`],
  ['processor', 'DELETE FROM projection_1.messages'],
  ['processor', `UPDATE projections SET state = 'live'`],
  ['processor', 'CREATE TABLE projection_1.t ()'],
  ['processor', 'DROP TABLE projection_1.messages'],
  ['dispatcher', 'SELECT app_secrets FROM apps'],
  ['dispatcher', 'SELECT verify_token FROM apps'],
  ['dispatcher', 'UPDATE phone_numbers SET access_token = NULL'],
  ['dispatcher', `UPDATE messages SET text = ''`],
  ['dispatcher', 'SELECT FROM projection_1.messages'],
  ['dispatcher', `INSERT INTO projection_1.message_ids VALUES ('1', '1', now())`],
  ['dispatcher', 'SELECT value FROM dead_letters'],
  ['dispatcher', 'DELETE FROM dispatch_commands'],
  ['dispatcher', `SELECT add_month('projection_1', 'messages', '2020-01-01')`],
  ['operator', 'DELETE FROM dispatch_commands'],
  ['operator', 'DELETE FROM dead_letters'],
  ['operator', 'DELETE FROM dispatch_backlog'],
  ['operator', `UPDATE projection_1.messages SET text = ''`],
  ['operator', 'DELETE FROM registry_changes'],
  ['operator', `UPDATE oldest_program SET migration = ''`],
  ['operator', 'ALTER TABLE wabas ADD COLUMN more text'],
  ['reader', 'SELECT access_token FROM wabas'],
  ['reader', 'SELECT access_token FROM phone_numbers'],
  ['reader', 'SELECT app_secrets FROM apps'],
  ['reader', 'SELECT FROM dispatch_backlog'],
  ['reader', 'SELECT FROM dead_letters'],
  ['reader', `UPDATE messages SET text = ''`],
  ['reader', `INSERT INTO cancelled_campaigns VALUES ('1', '1')`],
  ...users.flatMap((user): [User, string][] => [
    [user, 'CREATE TABLE t ()'],
    [user, 'CREATE SCHEMA s'],
    [user, 'DROP VIEW messages'],
    [user, 'TRUNCATE dispatch_commands'],
    [user, 'DELETE FROM user_roles'],
    [user, 'DELETE FROM migrations'],
  ]),
])('refuses %s: %s', async (user, sql) => {
  expect(await attempt(user, sql)).toBe('refused');
});

/** Written down by hand, and not taken from the matrix: who may change what, and who reads what beside the views of the read model. */
it('leaves no right that nobody has thought of', async () => {
  expect(await rightsInTheCatalog()).toEqual({
    ingestion: { reads: 'apps', changes: '', deletes: '' },
    processor: {
      reads:
        'dead_letters erased_ids erasures inbound_rates migrations oldest_program phone_numbers projection_1 projection_retention projections registry_changes wabas',
      changes: 'dead_letters inbound_rates phone_numbers projection_1 registry_changes wabas',
      deletes: 'inbound_rates projection_1',
    },
    dispatcher: {
      reads:
        'apps cancelled_campaigns dead_letters dispatch_backlog dispatch_backlog_lanes dispatch_commands inbound_rates migrations oldest_program phone_numbers redrives wabas',
      changes: 'dispatch_backlog dispatch_backlog_lanes dispatch_commands',
      deletes: 'dispatch_backlog',
    },
    operator: {
      reads:
        'apps backlog cancelled_campaigns dead_letters discards dispatch_backlog dispatch_backlog_lanes dispatch_commands migrations oldest_program phone_numbers projection_1 projection_retention projections redrives registry_changes wabas',
      changes: 'apps cancelled_campaigns dead_letters discards phone_numbers redrives registry_changes wabas',
      // One that found no letters is taken back.
      deletes: 'apps discards phone_numbers redrives wabas',
    },
    reader: { reads: 'apps backlog phone_numbers wabas', changes: '', deletes: '' },
  });
});

/** By user, the tables and views that it may read (a column at least), change and delete from; of the read model's own only that it may. */
async function rightsInTheCatalog(): Promise<Record<User, Record<'reads' | 'changes' | 'deletes', string>>> {
  const kinds = {
    reads: `has_any_column_privilege(role, c.oid, 'SELECT') AND NOT (n.nspname = 'public' AND c.relname = ANY ($2))`,
    changes: `has_any_column_privilege(role, c.oid, 'INSERT, UPDATE')`,
    deletes: `has_table_privilege(role, c.oid, 'DELETE, TRUNCATE, TRIGGER')`,
  };
  const found = await query<{ user: User } & Record<keyof typeof kinds, string>>(
    database.url,
    `SELECT "user", ${Object.entries(kinds)
      .map(
        ([kind, has]) =>
          `coalesce(string_agg(DISTINCT name, ' ' ORDER BY name) FILTER (WHERE ${has}), '') AS ${kind}`,
      )
      .join(', ')}
     FROM unnest($1::text[], $3::text[]) AS u ("user", role)
     CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN LATERAL (SELECT CASE n.nspname WHEN 'public' THEN c.relname ELSE 'projection_1' END AS name) AS named
     WHERE n.nspname IN ('public', 'projection_1') AND c.relkind IN ('r', 'p', 'v')
     GROUP BY "user"`,
    [users, shown, users.map((user) => roles[user])],
  );
  return Object.fromEntries(found.map(({ user, ...rights }) => [user, rights])) as never;
}

it('lets the processor add months of what has months, and make no table otherwise', async () => {
  const config = { DATABASE_URL: await database.as('processor'), DATABASE_POOL_SIZE: 1 };
  const dataSource = await createDataSource(config, 1).initialize();
  try {
    for (const _ of [1, 2]) await inTransaction(dataSource, (sql) => addMonths(sql, ['2020-02-01']));
    await dataSource.query(
      `INSERT INTO reactions (phone_number_id, wamid, month, sender, reacted_at) SELECT '1', '1', '2020-02-01', '1', now() WHERE false`,
    );
  } finally {
    await dataSource.destroy();
  }
  const parts = await owner<{ name: string; owned: boolean }>(
    `SELECT relname AS name, relowner = (SELECT relowner FROM pg_class WHERE relname = 'wabas') AS owned FROM pg_class WHERE relname ~ '_2020_02$' AND relkind = 'r'`,
  );
  expect(parts.map(({ name }) => name).sort()).toEqual([
    'account_changes_2020_02',
    'dispatch_attempts_2020_02',
    'message_statuses_2020_02',
    'messages_2020_02',
    'reactions_2020_02',
  ]);
  expect(parts.every(({ owned }) => owned)).toBe(true);
  expect(await attempt('processor', 'SELECT FROM projection_1.messages_2020_02')).toBe('refused');
  for (const call of [
    `add_month('public', 'messages', '2020-01-01')`,
    `add_month('projection_1', 'commands', '2020-01-01')`,
    `add_month('projection_1', 'messages', '2020-01-02')`,
    `add_month('projection_1', 'messages; DROP TABLE wabas', '2020-01-01')`,
  ])
    expect(await attempt('processor', `SELECT ${call}`)).toMatch(/^there is no table .* with months/);
});

it('granted again changes nothing; what was granted beside is taken away, and what is missing is given', async () => {
  expect(await grantRights(database.dataSource, roles)).toMatchObject({ granted: [], revoked: [] });
  await owner(`GRANT SELECT (access_token), DELETE ON wabas TO "${roles.reader}"`);
  await owner('GRANT SELECT ON dispatch_backlog TO PUBLIC');
  await owner(`REVOKE SELECT ON apps FROM "${roles.ingestion}"`);
  const changes = {
    granted: [`${roles.ingestion}: SELECT on apps`],
    revoked: [
      'PUBLIC: SELECT on dispatch_backlog',
      `${roles.reader}: DELETE on wabas`,
      `${roles.reader}: SELECT on wabas (access_token)`,
    ],
  };
  expect(await grantRights(database.dataSource, roles, { dryRun: true })).toMatchObject(changes);
  expect(await attempt('reader', 'SELECT access_token FROM wabas')).toBe('done');
  expect(await grantRights(database.dataSource, roles)).toMatchObject(changes);
  expect(await attempt('reader', 'SELECT access_token FROM wabas')).toBe('refused');
});

it('refuses roles that are missing, with the SQL that makes them, and roles that may do everything', async () => {
  const grant = (reader: string) => grantRights(database.dataSource, { ...roles, reader });
  await expect(grant('no "such" role')).rejects.toThrow(
    /roles are missing\. Nothing was changed[^]*CREATE ROLE "no ""such"" role" LOGIN PASSWORD '…';/,
  );
  await expect(grant(new URL(database.url).username)).rejects.toThrow('may do everything');
});

it('what a migration or a new version of the read model adds is granted with it', async () => {
  await beginRebuild(database.dataSource);
  expect(await attempt('processor', 'SELECT FROM projection_2.messages')).toBe('done');
  expect(await attempt('operator', 'SELECT FROM projection_2.messages')).toBe('done');
  expect(await attempt('reader', 'SELECT FROM projection_2.messages')).toBe('refused');
  // Of other columns: the view is made anew.
  await owner('ALTER TABLE projection_2.commands RENAME COLUMN campaign_id TO campaign');
  await promoteProjection(database.dataSource, 2);
  expect(await attempt('reader', 'SELECT campaign FROM commands')).toBe('done');

  await owner('DROP TABLE cancelled_campaigns');
  await owner(`DELETE FROM migrations`);
  class Again1763900000000 {
    name = 'Initial1763900000000';
    up = (): Promise<void> =>
      owner('CREATE TABLE cancelled_campaigns (waba_id text, campaign_id text)').then(() => undefined);
    down = (): Promise<void> => Promise.resolve();
  }
  const migrator = createDataSource({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: 1 });
  await migrator.setOptions({ migrations: [Again1763900000000] }).initialize();
  try {
    expect(await migrate(migrator)).toEqual(['Initial1763900000000']);
  } finally {
    await migrator.destroy();
  }
  expect(await attempt('dispatcher', 'SELECT FROM cancelled_campaigns')).toBe('done');
  expect(await attempt('dispatcher', 'DELETE FROM cancelled_campaigns')).toBe('refused');
});
