import { connectTalaria, type Talaria } from '@talaria/client';
import { type SendMessage, topics } from '@talaria/contracts';
import { sqlOf } from '@talaria/database';
import { testDatabase, type TestDatabase, testKafka, type TestKafka } from '../../../../test/kit';
import { batchOf, checkDrafts } from './check-drafts';
import { readCsv, readJsonLines, textMessage } from './draft';
import { publishCommands } from './publish-commands';

let database: TestDatabase;
let kafka: TestKafka;
let client: Talaria;

beforeAll(async () => {
  [database, kafka] = await Promise.all([testDatabase(), testKafka([topics.outbound.name])]);
  const { KAFKA_BROKERS: brokers, KAFKA_PREFIX: prefix } = kafka.config;
  client = await connectTalaria({ brokers, prefix, fates: false });
  const { dataSource } = database;
  await dataSource.query(`INSERT INTO wabas (waba_id, name) VALUES ('900', 'Acme'), ('901', 'Other')`);
  await dataSource.query(
    `INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number, access_token) VALUES ('100', '900', '', '')`,
  );
}, 60_000);
afterAll(async () => {
  await client.close();
  await Promise.all([database.close(), kafka.close()]);
});

const NOW = Date.parse('2026-06-01T00:00:00Z');
const check = (drafts: Parameters<typeof checkDrafts>[1], batch = 'spring') =>
  checkDrafts(sqlOf(database.dataSource), drafts, { batch, now: NOW });
const publish = (
  commands: readonly SendMessage[],
  signal = new AbortController().signal,
  onProgress: (published: number) => void = () => undefined,
  perSecond?: number,
) => publishCommands(commands, { publish: (some) => client.publish(some), signal, onProgress, perSecond });

it('every fault of a file is named by its line, without telling what stands there', async () => {
  const line = (fields: object) =>
    JSON.stringify({ to: '+15550001111', message: textMessage('a secret'), ...fields });
  const text = [
    line({ to: '+15550009999', order: 'strict' }),
    line({ phoneNumberId: '101' }),
    line({ to: 'a secret' }),
    line({ message: undefined }),
    line({ expiresAt: '2026-01-01T00:00:00Z', message: textMessage('') }),
    line({ wabaId: '901' }),
    line({ surplus: 'a secret' }),
    line({ to: '+15550009999', priority: 'campaign' }),
    'a secret',
  ].join('\n');
  const { commands, faulty } = await check(readJsonLines(text, { phoneNumberId: '100' }));
  expect(commands.map((one) => one.line)).toEqual([1]);
  expect(faulty).toEqual([
    { line: 2, problems: ['phoneNumberId is not in the registry: see talaria numbers list'] },
    { line: 3, problems: [expect.stringMatching(/^to must match/)] },
    { line: 4, problems: ['no message: give a text or a template'] },
    { line: 5, problems: ['expiresAt has passed', 'text.body must be a text that is not empty'] },
    { line: 6, problems: ['phoneNumberId belongs to another account than wabaId'] },
    { line: 7, problems: ['the command has a field it does not know'] },
    { line: 8, problems: ['it has the id of line 1, or says the same to the same person'] },
    { line: 9, problems: ['it is no JSON object'] },
  ]);
  expect(JSON.stringify(faulty)).not.toContain('secret');
});

it('the same line has the same id in every run of its batch, whatever is said beside it, and another in another batch', async () => {
  const ids = async (text: string, batch: string) =>
    (await check(readCsv(text, { phoneNumberId: '100' }), batch)).commands.map(({ command }) => command.id);
  const [a, b] = await ids('to,text\n+15550001111,Hi\n+15550002222,Hi\n', 'spring');
  expect(a).toMatch(/^spring:[0-9a-f]{32}$/);
  expect(await ids('text,priority,to\nHi,campaign,+15550002222\nHi,,+15550001111\n', 'spring')).toEqual([
    b,
    a,
  ]);
  expect(await ids('to,text,id\n+15550001111,Hi,own\n', 'spring')).toEqual(['own']);
  expect((await ids('to,text\n+15550001111,Hi\n', 'autumn'))[0]).toMatch(/^autumn:/);
  expect(batchOf('über/spring sale.csv')).toBe('-ber-spring-sale.csv');
});

it('a file is published in order, at its rate, and what an interrupt leaves by doing it again', async () => {
  const rows = Array.from({ length: 30 }, (_, index) => `+1555000${1000 + index},Hi`);
  const { commands } = await check(readCsv(['to,text', ...rows].join('\n'), { phoneNumberId: '100' }));
  const all = commands.map(({ command }) => command);
  const interrupt = new AbortController();
  const began = performance.now();
  const published = await publish(all, interrupt.signal, () => interrupt.abort(), 100);
  expect(published).toBe(10);
  expect(await publish(all, undefined, undefined, 100)).toBe(30);
  // Thirty at a hundred a second, ten at a time: the last leave after 0.2 s.
  expect(performance.now() - began).toBeGreaterThan(200);
  const ids = (await kafka.readAll(topics.outbound.name)).map(
    ({ value }) => (JSON.parse(String(value)) as SendMessage).id,
  );
  expect(ids).toEqual([...all.slice(0, 10), ...all].map(({ id }) => id));
});
