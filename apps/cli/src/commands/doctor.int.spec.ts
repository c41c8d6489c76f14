import { testDatabase, type TestDatabase } from '../../../../test/kit';
import { runCli } from '../../testing/run-cli';

let database: TestDatabase;
beforeAll(async () => (database = await testDatabase()), 60_000);
afterAll(() => database.close());

it('tells a person what it found and what to do, and a program the same; one failure is the exit code', async () => {
  const env = { DATABASE_URL: await database.as('operator'), KAFKA_BROKERS: '127.0.0.1:1' };
  const { code, out, err } = await runCli(['doctor', '--service', 'processor'], { env });
  expect({ code, err }).toEqual({ code: 1, err: '' });
  const told = out
    .replace(/Postgres \S+ answers in \d+ ms/, 'Postgres answers')
    .replace(/no broker answers \(.*\)/, 'no broker answers');
  expect(told).toBe(`ok       configuration  processor      every variable is there and well formed
ok       postgres       DATABASE_URL   Postgres answers
ok       migrations     schema         all 1 migrations are applied
ok       clock          Postgres       within 1 s of this machine's clock
ok       read model     version 1      live
failed   kafka          KAFKA_BROKERS  no broker answers
                        → look whether the brokers run, and correct KAFKA_BROKERS, KAFKA_SSL and KAFKA_SASL_*
warning  topics         topics         not checked: Kafka cannot be asked
                        → mend that first
warning  lag            lag            not checked: Kafka cannot be asked
                        → mend that first

1 failed, 2 to look at, 5 well.
`);
  const json = await runCli(['doctor', '--service', 'processor', '-o', 'json'], { env });
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({
    result: 'failed',
    findings: expect.arrayContaining([
      {
        check: 'kafka',
        subject: 'KAFKA_BROKERS',
        result: 'failed',
        found: expect.any(String),
        remedy: expect.any(String),
      },
    ]),
  });
}, 30_000);

it('with nothing set names every variable that is missing, and breaks nowhere', async () => {
  const { code, out } = await runCli(['doctor'], { env: {} });
  expect(code).toBe(1);
  for (const fault of [
    'ingestion +SPOOL_DIR is missing',
    'processor +DATABASE_URL is missing',
    'dispatcher +KAFKA_BROKERS is missing',
  ])
    expect(out).toMatch(new RegExp(fault));
  expect(out).not.toContain('the check itself broke');
  expect(await runCli(['doctor', '--service', 'simulator'], {})).toMatchObject({
    code: 2,
    err: expect.stringContaining('Allowed choices are ingestion'),
  });
});
