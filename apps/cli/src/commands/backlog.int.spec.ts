import { testDatabase, type TestDatabase } from '../../../../test/kit';
import { jsonOf, runCli } from '../../testing/run-cli';

let database: TestDatabase;
let env: Record<string, string>;

beforeAll(async () => {
  database = await testDatabase();
  env = { DATABASE_URL: await database.as('operator') };
  await database.dataSource.query(`INSERT INTO wabas (waba_id, name) VALUES ('1000', 'Acme')`);
}, 60_000);
afterAll(() => database.close());

const backlog = (...args: string[]) => runCli(['backlog', ...args], { env });

/** Parks commands, the first of which has waited for so long. */
async function park(
  number: string,
  priority: number,
  count: number,
  { age = '1 hour', campaign = null as string | null } = {},
): Promise<void> {
  await database.dataSource.query(
    `INSERT INTO dispatch_backlog (partition, phone_number_id, priority, position, waba_id, command_id, campaign_id, recipient, parked_at,
                                   source_topic, source_offset, source_timestamp, value, headers)
     SELECT 3, $1, $2::smallint, n, '1000', 'c' || n, $5, '+1555', now() - $4::interval + n * interval '1 ms',
            't' || $1::text || $2::text, n, 0, '', '{}'
     FROM generate_series(1, $3::integer) AS n`,
    [number, priority, count, age, campaign],
  );
}

it('tells how much waits of each number and since when, and cancels a campaign of it', async () => {
  expect(await backlog('list')).toEqual({ code: 0, out: 'Nothing waits.\n', err: '' });
  await park('2000', 2, 30, { age: '90 min', campaign: 'spring' });
  await park('2000', 0, 2, { age: '61 s' });
  await park('2001', 1, 7);

  expect((await backlog('list')).out).toMatch(
    new RegExp(`^waba  number  priority      depth  age
1000  2000    campaign      30     1 h 3\\d min
1000  2001    notification  7      (1 h 0 min|59 min 5\\d s)
1000  2000    reply         2      1 min \\d+ s
$`),
  );
  expect(await jsonOf(['backlog', 'list', '--number', '2000', '--priority', 'reply'], { env })).toEqual([
    {
      wabaId: '1000',
      phoneNumberId: '2000',
      priority: 'reply',
      depth: 2,
      oldestParkedAt: expect.any(String),
    },
  ]);
  expect(await jsonOf(['backlog', 'list', '--waba', '1001'], { env })).toEqual([]);

  const cancel = ['cancel', 'spring', '--waba', '1000'];
  const rows = () => database.dataSource.query('SELECT waba_id, campaign_id FROM cancelled_campaigns');
  expect((await backlog(...cancel, '--dry-run')).out).toBe(
    'Would cancel campaign spring: 30 of its commands wait in the backlog.\n',
  );
  expect(await rows()).toEqual([]);
  const cancelled = { wabaId: '1000', campaignId: 'spring', parked: 30, dryRun: false };
  expect(await jsonOf(['backlog', ...cancel], { env })).toEqual({ ...cancelled, isNew: true });
  expect(await jsonOf(['backlog', ...cancel], { env })).toEqual({ ...cancelled, isNew: false });
  expect(await rows()).toEqual([{ waba_id: '1000', campaign_id: 'spring' }]);
  expect(await backlog('cancel', 'spring', '--waba', '77')).toMatchObject({
    code: 3,
    err: expect.stringMatching(/^error: there is no account 77/),
  });
});

it.each([
  [['list', '--priority', 'urgent'], 2, 'Allowed choices are reply, notification, campaign'],
  [['list', '--waba', 'Acme'], 2, 'an id of digits'],
  [['cancel', 'spring'], 2, "required option '--waba <id>' not specified"],
  [['cancel', 'a b', '--waba', '1000'], 2, 'a campaign id'],
])('a wrong command line is refused: %j', async (args, code, problem) => {
  expect(await backlog(...args)).toEqual({ code, out: '', err: expect.stringContaining(problem) });
});

it('a database that is away, that refuses the user, that is not there or not migrated, is named with what to do', async () => {
  const ask = async (change: (url: URL) => void) => {
    const url = new URL(env.DATABASE_URL ?? '');
    change(url);
    const { code, err } = await runCli(['backlog', 'list'], { env: { DATABASE_URL: url.href } });
    expect(err).not.toContain(new URL(env.DATABASE_URL ?? '').password);
    expect(err.split('\n')).toHaveLength(2);
    return `${code} ${err}`;
  };
  expect(await ask((url) => (url.port = '1'))).toMatch(
    /^4 error: The database does not answer at \S+:1\/\S+ \(ECONNREFUSED\): check that it runs, and DATABASE_URL/,
  );
  expect(await ask((url) => (url.pathname = '/no_such'))).toMatch(
    /^4 error: There is no database \S+\/no_such/,
  );
  expect(await ask((url) => (url.pathname = '/postgres'))).toMatch(
    /^1 error: The schema .* talaria database migrate/,
  );
});
