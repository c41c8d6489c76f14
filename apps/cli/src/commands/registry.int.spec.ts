import { generateKey } from '@talaria/registry';
import { testDatabase, type TestDatabase } from '../../../../test/kit';
import { SimulatorProcess } from '../../../simulator/testing/simulator-process';
import { type CliOptions, jsonOf, runCli } from '../../testing/run-cli';

/** Tokens and secrets, none of which may be shown, or stored as it is. */
const markers = [
  ...(['token-good-7f', 'token-bad-2c', 'secret-one-5e', 'secret-two-9a', 'secret-three-3b'] as const),
  'verify-me-41',
] as const;
const [good, bad, secretOne, secretTwo, secretThree, verify] = markers;
const [key, fresh] = [generateKey('2026-01'), generateKey('2026-07')];

let database: TestDatabase;
let simulator: SimulatorProcess;
let env: Record<string, string>;
let shown = '';

beforeAll(async () => {
  database = await testDatabase();
  simulator = await SimulatorProcess.start('http://127.0.0.1:1/');
  env = { DATABASE_URL: await database.as('operator'), SECRETS_KEYS: key, GRAPH_API_URL: simulator.base };
  await simulator.register('2000', { ...atMeta, displayPhoneNumber: '+1 555 010 0000' });
});
afterAll(async () => {
  await simulator.close();
  await database.close();
});
const atMeta = {
  wabaId: '1000',
  displayPhoneNumber: '+1 555 010 0000',
  accessToken: good,
  verifiedName: 'Acme',
};

/** A command line as a person writes it, and what it reads from standard input; quotes hold words together. */
async function told(line: string, stdin = '', more: Partial<CliOptions['env']> = {}) {
  const args = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
  const ran = await runCli(args, { env: { ...env, ...more }, stdin });
  shown += ran.out + ran.err;
  return ran;
}
const json = <T>(line: string, stdin = '') => jsonOf<T>(line.split(' '), { env, stdin });

/** Done, with this on standard output and nothing beside it. */
const expectDone = async (line: string, text: string, stdin = '') =>
  expect({ line, ...(await told(line, stdin)) }).toEqual({ line, code: 0, out: `${text}\n`, err: '' });

/** Refused, with this error first, and nothing on standard output. */
async function expectError(
  line: string,
  code: number,
  text: string,
  stdin = '',
  more: Partial<CliOptions['env']> = {},
) {
  const ran = await told(line, stdin, more);
  expect({ line, code: ran.code, out: ran.out }).toEqual({ line, code, out: '' });
  expect(ran.err.split('\n')[0]).toBe(`error: ${text}`);
}

const kept = (change: string) => ({
  ...{ change, changedBy: 'person:ada', until: null },
  changedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
});

const rows = (table: string) =>
  database.dataSource.query<Record<string, unknown>[]>(`SELECT * FROM ${table}`);

it('accounts: add, list, show, pause, resume, set-rate, set-app, rotate-token', async () => {
  await expectDone('accounts list', 'No account is registered: talaria accounts add --help');
  const added = 'account 1000 (Acme) of app default, token: own, key 2026-01';
  await expectDone(
    'accounts add 1000 --name Acme --token-stdin --dry-run',
    `Would add ${added}. Nothing was changed.`,
    good,
  );
  expect(await rows('wabas')).toEqual([]);
  await expectDone('accounts add 1000 --name Acme --token-stdin', `Added ${added}.`, `${good}\n`);
  await expectDone(
    'accounts add 1001 --name "Beta Ltd" --rate 200',
    'Added account 1001 (Beta Ltd) of app default, token: none.',
  );
  await expectError(
    'accounts add 1000 --name Other',
    1,
    'Account 1000 is registered already: `talaria accounts show 1000` shows it, rotate-token and set-rate change it',
  );
  await expectError(
    'accounts add 1002 --name X --app none',
    3,
    'There is no app none: `talaria apps list` shows those there are',
  );
  await expectDone(
    'accounts pause 1001 --reason "invoice open" --until 2099-01-01T00:00Z --by ada',
    'Paused account 1001 until 2099-01-01T00:00:00.000Z: invoice open.',
  );
  await expectDone(
    'accounts list',
    `account  name      app      numbers  rate        token             state
1000     Acme      default  0        no ceiling  own, key 2026-01  active
1001     Beta Ltd  default  0        200/s       none              paused until 2099-01-01T00:00:00.000Z: invoice open`,
  );
  await expectDone('accounts set-rate 1001 none --by ada', 'Set the rate of account 1001 to no ceiling.');
  await expectDone('accounts resume 1001 --by ada', 'Resumed account 1001.');
  await told('apps add second');
  await expectDone('accounts set-app 1001 second', 'Put account 1001 under app second.');
  expect(await json('accounts show 1001')).toEqual({
    ...{ wabaId: '1001', name: 'Beta Ltd', provider: 'meta', appId: 'second', messagesPerSecond: null },
    ...{ token: 'none', tokenKeyId: null, numbers: [] },
    ...{ state: 'active', pausedUntil: null, pausedReason: null },
    ...{ restrictedUntil: null, restrictedReason: null },
    changes: [
      { ...kept('resume'), reason: null },
      { ...kept('rate'), reason: 'to no ceiling' },
      { ...kept('pause'), until: '2099-01-01T00:00:00.000Z', reason: 'invoice open' },
    ],
  });
  expect(await json('accounts rotate-token 1001 --token-stdin', bad)).toMatchObject({
    ...{ dryRun: false, token: 'own', tokenKeyId: '2026-01' },
  });
});

it('accounts: what Meta restricts is shown as that, and lifted by whoever knows more', async () => {
  await database.dataSource.query(
    `UPDATE wabas SET restricted_until = 'infinity', restricted_reason = 'DISABLE' WHERE waba_id = '1001'`,
  );
  const { out } = await told('accounts show 1001');
  expect(out).toContain('state     restricted by Meta: DISABLE\n');
  expect(out).toContain('until                     why\n');
  await expectDone(
    'accounts resume 1001',
    'Resumed account 1001; nothing is sent yet: Meta restricts it, see talaria accounts lift.',
  );
  await expectError(
    'accounts lift 1009 --reason why',
    3,
    'There is no account 1009: `talaria accounts list` shows those there are',
  );
  await expectError('accounts lift 1001', 2, "required option '--reason <text>' not specified");
  const lifted = 'what Meta has told of account 1001, which is active now';
  const lift = 'accounts lift 1001 --reason "appeal 4711" --by ada';
  await expectDone(`${lift} --dry-run`, `Would lift ${lifted}. Nothing was changed.`);
  await expectDone(lift, `Lifted ${lifted}.`);
  const { changes } = await json<{ changes: unknown[] }>('accounts show 1001');
  expect(changes[0]).toEqual({ ...kept('lift'), reason: 'appeal 4711' });
});

it('numbers: add, list, show, pause, resume, set-rate', async () => {
  await expectDone(
    'numbers add 2000 --account 1000 --phone "+1 555 010 0000"',
    'Added number 2000 of account 1000, 80 messages a second, token: of its account, key 2026-01.',
  );
  await expectError(
    'numbers add 2001 --account 1000 --phone +15550100000',
    1,
    'Number 2000 of account 1000 is the same phone number as 2001 would be: `talaria numbers show 2000` shows it; when Meta has given it a new id, remove the old one first with `talaria numbers remove 2000`',
  );
  await expectError(
    'numbers add 2000 --account 1000 --phone +15550100001',
    1,
    'Number 2000 is registered already, for account 1000: `talaria numbers show 2000` shows it, rotate-token and set-rate change it',
  );
  await expectError(
    'numbers add 2002 --account 1009 --phone +15550100001',
    3,
    'There is no account 1009: add it first with `talaria accounts add 1009`, or see `talaria accounts list`',
  );
  await expectDone(
    'numbers pause 2000 --reason "complaint 4711" --by ada',
    'Paused number 2000 until it is resumed: complaint 4711.',
  );
  expect((await told('numbers show 2000')).out).toMatch(
    new RegExp(`^number   2000
account  1000
phone    \\+1 555 010 0000
rate     80/s, received and sent together
token    of its account, key 2026-01
state    paused until it is resumed: complaint 4711
backlog  0 commands

changed {19}by          what   until     why
\\S{24}  person:ada  pause  infinity  complaint 4711
$`),
  );
  await told('accounts pause 1000 --reason why');
  await expectDone('numbers resume 2000', 'Resumed number 2000; nothing is sent yet: its account is paused.');
  await expectDone(
    'numbers list --account 1000',
    `number  account  phone            rate  backlog  token                        state
2000    1000     +1 555 010 0000  80/s  0        of its account, key 2026-01  account paused`,
  );
  await told('accounts resume 1000');
  await expectDone(
    'numbers set-rate 2000 1000 --dry-run',
    'Would set the rate of number 2000 to 1000 messages a second. Nothing was changed.',
  );
  expect(await json('numbers set-rate 2000 20')).toEqual({
    ...{ dryRun: false, phoneNumberId: '2000', wabaId: '1000', displayPhoneNumber: '+1 555 010 0000' },
    ...{ messagesPerSecond: 20, token: 'account', tokenKeyId: '2026-01', backlog: 0 },
    ...{ state: 'active', pausedUntil: null, pausedReason: null },
  });
});

it('tokens: Meta is asked about what is stored, or before it is, and each problem has its remedy', async () => {
  const head = 'number  name  quality  status  found';
  await expectDone('numbers test 2000', `${head}\n2000    Acme  GREEN            well`);
  await expectDone('accounts test 1000', `${head}\n2000    Acme  GREEN            well`);
  const refused = 'Meta refuses (190: token expired or invalid)';
  const remedy =
    "make a new token for the system user in Meta's business settings, and store it with `talaria numbers rotate-token 2000`, or for its whole account with `talaria accounts rotate-token`";
  for (const line of ['numbers rotate-token 2000', 'accounts rotate-token 1000'])
    await expectError(`${line} --token-stdin --check`, 1, `${refused}; nothing was stored: ${remedy}`, bad);
  await expectDone(
    'numbers rotate-token 2000 --token-stdin',
    'Replaced the token of number 2000: own, key 2026-01.',
    bad,
  );
  expect(await told('numbers test 2000')).toEqual({
    code: 1,
    out: `number  name  quality  status  found\n2000                           1 to mend\n2000: ${refused}: ${remedy}\n`,
    err: '',
  });
  expect(await json('numbers test 2000')).toEqual({
    ...{ phoneNumberId: '2000', wabaId: '1000', verifiedName: null, qualityRating: null, status: null },
    problems: [{ problem: refused, remedy }],
  });
  await expectDone(
    'numbers rotate-token 2000 --of-account',
    'Replaced the token of number 2000: of its account, key 2026-01.',
  );
  await expectDone(
    'accounts rotate-token 1000 --token-stdin --check',
    'Replaced the token of account 1000, which 1 of its 1 numbers use: own, key 2026-01.',
    good,
  );
  await simulator.register('2000', { ...atMeta, displayPhoneNumber: '+1 555 010 0009' });
  expect((await told('numbers test 2000')).out).toContain(
    '2000: Meta has another phone number under this id: check the id',
  );
  await expectError(
    'numbers test 2000',
    4,
    'Meta does not answer (ECONNREFUSED): check GRAPH_API_URL and the way there, or try again later',
    '',
    { GRAPH_API_URL: 'http://127.0.0.1:1' },
  );
});

it('apps: add, two live secrets, verify token, set-rate, remove', async () => {
  await expectDone(
    'apps add third --secret-stdin --rate 500',
    'Added app third, 1 live, key 2026-01, no verify token.',
    secretOne,
  );
  await expectDone(
    'apps rotate-secret third --secret-stdin',
    'Changed the secrets of app third: 2 live, key 2026-01.',
    secretTwo,
  );
  // Whoever repeats it, because the answer was lost, does not drop what webhooks are still signed with.
  await expectDone(
    'apps rotate-secret third --secret-stdin',
    'Changed the secrets of app third: 2 live, key 2026-01.',
    secretTwo,
  );
  await expectDone(
    'apps rotate-secret third --secret-stdin',
    'Changed the secrets of app third: 2 live, key 2026-01, 1 dropped.',
    secretThree,
  );
  await expectDone(
    'apps set-verify-token third --verify-token-stdin',
    'Stored the verify token of app third.',
    verify,
  );
  await expectDone(
    'apps pause third --reason why --until 2099-01-01',
    'Paused app third until 2099-01-01T00:00:00.000Z: why.',
  );
  await expectDone('apps set-rate second 10', 'Set the rate of app second to 10 messages a second.');
  await expectDone(
    'apps list',
    `app      accounts  rate        secrets              verify token      state
default  1         no ceiling  no secret            no verify token   active
second   1         10/s        no secret            no verify token   active
third    0         500/s       2 live, key 2026-01  verify token set  paused until 2099-01-01T00:00:00.000Z: why`,
  );
  await expectDone(
    'apps rotate-secret third --drop-old',
    'Changed the secrets of app third: 1 live, key 2026-01, 1 dropped.',
  );
  await expectError(
    'apps rotate-secret second --drop-old',
    1,
    'App second has no secret yet: store one with `talaria apps rotate-secret second`',
  );
  await expectDone('apps resume third', 'Resumed app third.');
  await expectDone(
    'apps show third',
    `app           third
accounts      0
rate          500/s
secrets       1 live, key 2026-01
verify token  verify token set
state         active`,
  );
  await expectError(
    'apps remove default --yes',
    1,
    'The app default stays: accounts that name no other are of it',
  );
  await expectError(
    'apps remove second --yes',
    1,
    'App second has 1 account: let them be of another first with `talaria accounts set-app`; `talaria accounts list` shows them',
  );
  expect(await json('apps show third')).toEqual({
    ...{
      appId: 'third',
      secrets: 1,
      secretKeyIds: ['2026-01'],
      hasVerifyToken: true,
      messagesPerSecond: 500,
    },
    ...{ accounts: 0, state: 'active', pausedUntil: null, pausedReason: null },
  });
});

it('keys: generate, status, rewrap', async () => {
  expect((await told('keys generate --id 2027-01')).out).toMatch(/^2027-01:[A-Za-z0-9+/]{43}=\n$/);
  const both = { SECRETS_KEYS: `${fresh},${key}` };
  expect(await told('keys status', '', both)).toMatchObject({
    code: 0,
    out: 'key      use      secrets  faulty\n2026-07  current  0        0\n2026-01  old      4        0\n',
  });
  const missing = (place: string, remedy: string) =>
    `${place} is sealed by the key 2026-01, which SECRETS_KEYS or SECRETS_KEYS_FILE does not have: add that key, or ${remedy}`;
  expect(await told('keys rewrap', '', { SECRETS_KEYS: fresh })).toEqual({
    code: 1,
    out: [
      'Put 0 tokens and secrets under key 2026-07; 0 were under it before.',
      missing('apps/third/app_secrets', 'store it anew with `talaria apps rotate-secret third`'),
      missing('apps/third/verify_token', 'store it anew with `talaria apps set-verify-token third`'),
      missing('wabas/1000/access_token', 'store the token anew with `talaria accounts rotate-token 1000`'),
      missing('wabas/1001/access_token', 'store the token anew with `talaria accounts rotate-token 1001`\n'),
    ].join('\n'),
    err: '',
  });
  await expectError(
    'numbers test 2000',
    1,
    missing('wabas/1000/access_token', 'store the token anew with `talaria accounts rotate-token 1000`'),
    '',
    { SECRETS_KEYS: fresh },
  );
  expect((await told('keys rewrap --dry-run', '', both)).out).toBe(
    'Would put 4 tokens and secrets under key 2026-07; 0 were under it before. Nothing was changed.\n',
  );
  expect((await told('keys rewrap', '', both)).out).toBe(
    'Put 4 tokens and secrets under key 2026-07; 0 were under it before.\n',
  );
  env.SECRETS_KEYS = fresh;
  expect(await json('keys rewrap')).toEqual({
    ...{ dryRun: false, keyId: '2026-07', rewrapped: 0, current: 4, replaced: 0, faults: [] },
  });
  expect(await json('keys status')).toEqual({
    keys: [{ keyId: '2026-07', isCurrent: true, secrets: 4, faulty: 0 }],
    faults: [],
  });
  expect(await told('keys status', '', { SECRETS_KEYS: generateKey('2026-07') })).toMatchObject({
    code: 1,
    out: expect.stringContaining('wabas/1000/access_token cannot be opened by the key 2026-07'),
  });
});

it('remove: asks, and is refused while commands wait or something is left', async () => {
  await expectError(
    'numbers remove 2000',
    2,
    'nobody is there to be asked: add --yes, or look first with --dry-run',
  );
  await expectError(
    'accounts remove 1000 --yes',
    1,
    'Account 1000 has 1 number: remove them first, `talaria numbers list --account 1000` shows them',
  );
  await database.dataSource.query(
    `INSERT INTO dispatch_backlog (partition, phone_number_id, priority, position, waba_id, command_id, recipient, source_topic, source_offset, source_timestamp, value, headers)
     VALUES (0, '2000', 1, 1, '1000', 'c', 'r', 't', 1, 1, '', '{}')`,
  );
  await expectError(
    'numbers remove 2000 --yes',
    1,
    '1 commands of number 2000 wait and would be given up: pause the products that write them and let them go out, cancel their campaign, or remove it with --force',
  );
  await expectDone('numbers remove 2000 --force --dry-run', 'Would remove number 2000. Nothing was changed.');
  await expectDone('numbers remove 2000 --force --yes', 'Removed number 2000.');
  await expectDone('accounts remove 1000 --yes', 'Removed account 1000.');
  await expectDone('apps remove third --yes', 'Removed app third.');
  await expectError(
    'numbers show 2000',
    3,
    'There is no number 2000: `talaria numbers list` shows those there are',
  );
});

it.each([
  [
    'numbers add 2002 --account 1001 --phone +15550100001 --rate 1001',
    /'--rate <rate>' argument '1001' is invalid. It must be a whole number of messages a second, from 1 to 1000\.$/,
  ],
  ['numbers set-rate 2000 0', /from 1 to 1000\.$/],
  ['accounts set-rate 1001 -5', /from 1 to 1000000, or none\.$/],
  ['accounts set-rate 1001 fast', /from 1 to 1000000, or none\.$/],
  ['numbers show abc', /It must be an id of digits\.$/],
  ['apps add a/b', /It must be letters, digits, dots, dashes and underscores\.$/],
  ['numbers add 2002 --account 1001 --phone call-me', /It must be a phone number like "\+1 555 010 0000"\.$/],
  ['numbers pause 2000', /required option '--reason <text>' not specified$/],
  [
    'numbers pause 2000 --reason x --until yesterday',
    /It must be a time like 2026-12-01T08:00Z, or a duration like 30m or 2h\.$/,
  ],
  ['numbers pause 2000 --reason x --until 2020-01-01', /It must be in the future\.$/],
  [
    'accounts rotate-token 1001',
    /give the token with --token-stdin or --token-file PATH; never as an argument$/,
  ],
  [
    'accounts rotate-token 1001 --token-stdin',
    /there is nothing in standard input: the token is expected there, in one line$/,
  ],
  ['accounts rotate-token 1001 --token-file /nowhere', /--token-file \/nowhere cannot be read \(ENOENT\)$/],
  [
    'accounts rotate-token 1001 --token-file - --token-stdin',
    /give --token-stdin or --token-file, not both$/,
  ],
  ['accounts rotate-token 1001 --token-stdin --check', /there is nothing in standard input/],
])('a wrong command line says what is right: %s', async (line, text) => {
  const { code, out, err } = await told(line);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err.split('\n')[0]).toMatch(text);
});

it('names all settings that are missing at once, and the database that is away', async () => {
  const { code, err } = await told('keys status', '', { SECRETS_KEYS: '', DATABASE_URL: '' });
  expect({ code, missing: err.match(/\w+ is missing/g) }).toEqual({
    ...{ code: 2, missing: ['DATABASE_URL is missing', 'SECRETS_KEYS is missing'] },
  });
  await expectError(
    'numbers list',
    4,
    'The database does not answer at 127.0.0.1:1/x (ECONNREFUSED): check that it runs, and DATABASE_URL',
    '',
    { DATABASE_URL: 'postgres://x@127.0.0.1:1/x' },
  );
  await expectError(
    'accounts rotate-token 1001 --token-stdin',
    2,
    'what standard input holds is not one line of visible characters: a token is',
    `${good} ${bad}`,
  );
});

it('shows and stores nothing secret', async () => {
  const stored = JSON.stringify([await rows('wabas'), await rows('phone_numbers'), await rows('apps')]);
  for (const marker of markers) {
    expect(shown).not.toContain(marker);
    expect(stored).not.toContain(marker);
  }
  for (const base64 of [key, fresh].map((one) => one.split(':')[1]!)) expect(shown).not.toContain(base64);
});
