import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '@talaria/contracts';
import { webhookKinds, webhookOfKind } from '@talaria/operations';
import { sign } from '@talaria/whatsapp';
import { secrets, startIngestion, type TestIngestion } from '../../../ingestion/testing/test-ingestion';
import { jsonOf, runCli } from '../../testing/run-cli';

const [first, second] = secrets;
const env = { WHATSAPP_APP_SECRET: first };
let ingestion: TestIngestion;
let url: string;
let directory: string;

beforeAll(async () => {
  ingestion = await startIngestion();
  url = `http://127.0.0.1:${ingestion.port}/webhooks/whatsapp`;
  directory = mkdtempSync(join(tmpdir(), 'talaria-webhooks-'));
});
beforeEach(() => void ingestion.records.splice(0));
afterAll(async () => {
  await ingestion.close();
  rmSync(directory, { recursive: true });
});

const file = (name: string, content: string | Buffer) => {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
};
const simulate = (args: readonly string[], options: Parameters<typeof runCli>[1] = { env }) =>
  runCli(['webhooks', 'simulate', '--url', url, ...args], options);

it.each(webhookKinds)('a simulated webhook of kind %s is taken as one item', async (kind) => {
  const { code, out, err } = await simulate(['--kind', kind, '--waba', '77', '--number', '88']);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^\d+ bytes sent, answered 200 in \d+ ms\n$/);
  expect(ingestion.records).toMatchObject([{ topic: topics.webhooks.name }]);
  const [record] = ingestion.records;
  expect(String(record!.value)).toContain('"id":"77"');
});

it('says what it was told to', async () => {
  await simulate(['--kind', 'failed', '--code', '131047', '--wamid', 'wamid.1', '--customer', '15557654321']);
  const body = JSON.parse(String(ingestion.records[0]!.value)) as {
    entry: { changes: { value: object }[] }[];
  };
  expect(body.entry[0]!.changes[0]!.value).toMatchObject({
    statuses: [{ id: 'wamid.1', status: 'failed', recipient_id: '15557654321', errors: [{ code: 131047 }] }],
  });
});

it('posts the bytes of a file or of standard input as they are, with either live secret, and tells the answer as JSON', async () => {
  const of = { wabaId: '1', phoneNumberId: '2', displayPhoneNumber: '3', customer: '4', wamid: 'w', code: 0 };
  const body = JSON.stringify(JSON.parse(webhookOfKind('text', of, 0).toString()), null, 3);
  expect(await simulate(['--file', file('body.json', body)])).toMatchObject({ code: 0 });
  expect(String(ingestion.records.at(-1)!.value)).toBe(body);

  const secretFile = file('secret', `${second}\n`);
  const args = ['webhooks', 'simulate', '--url', url, '--file', '-', '--secret-file', secretFile];
  expect(await jsonOf(args, { stdin: body })).toEqual({
    ...{ dryRun: false, url, bytes: body.length, status: 200, body: '', ms: expect.any(Number) },
  });
  expect(ingestion.records).toHaveLength(2);

  const dry = await simulate(['--file', '-', '--dry-run'], { env, stdin: body });
  expect(dry.out).toBe(`POST ${url}\nx-hub-signature-256: ${sign(Buffer.from(body), first)}\n\n${body}\n`);
  expect(ingestion.records).toHaveLength(2);
});

it('tells what an answer other than 200 means, and an ingestion that is away', async () => {
  const wrong = await simulate(['--kind', 'text'], { env: { WHATSAPP_APP_SECRET: 'another' } });
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('the secret is not that of the app') });
  expect(wrong.out).toMatch(/answered 401/);
  expect(wrong.out + wrong.err).not.toContain('another');
  const away = ['webhooks', 'simulate', '--kind', 'text', '--url', 'http://127.0.0.1:1/x'];
  expect(await runCli(away, { env })).toEqual({
    code: 4,
    out: '',
    err: 'error: Ingestion does not answer at http://127.0.0.1:1/x (ECONNREFUSED): check that it runs, and --url\n',
  });
});

it('verifies a signature over the bytes of a file, and tells by which secret', async () => {
  const body = '{ "object": "as it came" }';
  const verify = (signature: string, both = `${first},${second}`) =>
    runCli(['webhooks', 'verify', '--file', file('captured', body), '--signature', signature], {
      env: { WHATSAPP_APP_SECRET: both },
    });
  expect(await verify(sign(Buffer.from(body), first))).toEqual({
    code: 0,
    out: 'Valid: secret 1 of 2 has signed these 26 bytes.\n',
    err: '',
  });
  expect((await verify(sign(Buffer.from(body), second))).out).toContain('secret 2 of 2');
  expect(await verify(sign(Buffer.from(JSON.stringify(JSON.parse(body))), first))).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^Not valid: none of 2 secrets has signed these 26 bytes/),
  });
  const signature = sign(Buffer.from(body), second);
  const args = ['webhooks', 'verify', '--file', '-', '--signature', signature];
  const secretFile = file('two-secrets', `${first}\n${second}\n`);
  expect(await jsonOf([...args, '--secret-file', secretFile], { stdin: body })).toEqual({
    ...{ valid: true, secret: 2, bytes: 26 },
  });
});

describe('a wrong command line', () => {
  it.each([
    [['simulate'], 'name --kind (text, image'],
    [['simulate', '--kind', 'smoke'], 'Allowed choices are text'],
    [['simulate', '--kind', 'text', '--file', 'x'], 'cannot be used with option'],
    [['simulate', '--kind', 'text', '--url', 'ingestion:3000'], 'a URL that begins with'],
    [['simulate', '--kind', 'text', '--customer', '+1 555'], 'digits only'],
    [['simulate', '--kind', 'text'], 'WHATSAPP_APP_SECRET is missing'],
    [['simulate', '--kind', 'text', '--secret-file', '/nowhere'], '/nowhere cannot be read (ENOENT)'],
    [['simulate', '--kind', 'text', '--secret-file', '-'], 'holds no secret'],
    [['simulate', '--file', '-', '--secret-file', '-'], 'only one of --file and --secret-file'],
    [['verify', '--file', '-'], "required option '--signature <header>' not specified"],
    [['verify', '--file', '-', '--signature', 'sha1=00'], 'sha256= and 64 hex digits'],
  ])('is refused: %j', async (args, problem) => {
    expect(await runCli(['webhooks', ...args])).toEqual({
      code: 2,
      out: '',
      err: expect.stringContaining(problem),
    });
  });
});
