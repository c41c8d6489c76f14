import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cloudEventHeaders, type SendMessage, topics } from '@talaria/contracts';
import { createKafka, createVerifiedProducer, type VerifiedProducer } from '@talaria/kafka';
import { NUMBER, PHONE, WABA } from '../../../processor/testing/records';
import { eventually, testKafka, type TestKafka, testLogger } from '../../../../test/kit';
import { aCommand, at, type MessageRig, openMessageRig } from '../../../../test/kit/message-rig';
import { jsonOf, runCli } from '../../testing/run-cli';

const { outbound, dispatches, events } = topics;
let rig: MessageRig;
let kafka: TestKafka;
let producer: VerifiedProducer;
let env: Record<string, string>;
let directory: string;

beforeAll(async () => {
  [rig, kafka] = await Promise.all([
    openMessageRig(),
    testKafka([outbound, dispatches, events].map(({ name }) => name)),
  ]);
  const { KAFKA_BROKERS, KAFKA_PREFIX } = kafka.config;
  env = {
    DATABASE_URL: await rig.database.as('operator'),
    KAFKA_BROKERS: KAFKA_BROKERS.join(),
    KAFKA_PREFIX,
  };
  producer = await createVerifiedProducer({
    ...{ config: kafka.config, clientId: 'spec', logger: testLogger },
    topics: [dispatches.name, events.name],
  });
  directory = mkdtempSync(join(tmpdir(), 'messages-'));
  await rig.sql(
    `INSERT INTO phone_numbers (phone_number_id, waba_id, display_phone_number, access_token) VALUES ($1, $2, '', '')`,
    [NUMBER, WABA],
  );
}, 60_000);
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await producer.close();
  await Promise.all([rig.close(), kafka.close()]);
});

const withoutKafka = () => ({ DATABASE_URL: env.DATABASE_URL });
const show = (...args: string[]) => runCli(['messages', 'show', ...args], { env: withoutKafka() });
const send = (...args: string[]) => runCli(['messages', 'send', ...args], { env });
const published = async () =>
  (await kafka.readAll(outbound.name)).map(({ value }) => JSON.parse(String(value)) as SendMessage);

describe('show', () => {
  it('tells the story of a message on one screen, and masks who it is about', async () => {
    await rig.sent(aCommand('order-1'), 'wamid.one');
    const { code, out, err } = await show('order-1');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(`command      order-1, number ${NUMBER} of account ${WABA}
state        accepted since 2025-06-08T20:59:48.000Z, 1 attempt
to           ****1234
belongs to   campaign spring, correlation order 7
message      wamid.one
             outbound text, delivered, to ****1234

time                      what
2025-06-08T20:59:44.000Z  retrying   attempt 1, transient 131016, unavailable, fbtrace_id AbC
2025-06-08T20:59:48.000Z  accepted   attempt 2, call of 500 ms
2025-06-08T20:59:49.000Z  sent       charged utility regular PMP
2025-06-08T20:59:51.000Z  delivered  charged utility regular PMP
2025-06-08T21:00:03.000Z  reaction   of ****1234

traces       aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
             in Jaeger: …:16686/trace/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
`);
    const shown = await show('order-1', '--show-content');
    expect(shown.out).toContain(`to           +${PHONE}\n`);
    expect(shown.out).toContain('text         a secret\n');
  });

  it('tells the same as JSON, by wamid and by phone and time', async () => {
    type Shown = { messages: object[]; story: object };
    const shown = await jsonOf<Shown>(['messages', 'show', 'wamid.one'], { env: withoutKafka() });
    expect(shown.story).toMatchObject({
      ...{ commandId: 'order-1', wabaId: WABA, waits: [] },
      command: { state: 'accepted', stateAt: '2025-06-08T20:59:48.000Z', recipient: '****1234' },
      messages: [
        { wamid: 'wamid.one', statuses: [{ status: 'sent', pricing: { category: 'utility' } }, {}] },
      ],
    });
    const near = ['--phone', `+${PHONE}`, '--at', at(6).toISOString(), '--within', '3s'];
    expect(await jsonOf(['messages', 'show', ...near], { env: withoutKafka() })).toEqual(shown);
  });

  it('says where a command waits and why', async () => {
    await rig.park(aCommand('ahead'), aCommand('parked'));
    await rig.sql(
      `UPDATE wabas SET paused_until = 'infinity', paused_reason = 'complaint' WHERE waba_id = $1`,
      [WABA],
    );
    const { out } = await show('parked');
    await rig.sql('UPDATE wabas SET paused_until = NULL');
    expect(out.replaceAll(/\b20(2[6-9]|[3-9]\d)-\S+Z/g, '<now>'))
      .toContain(`state        parked since <now>, 0 attempts
to           ****1234
asked        2025-06-08T20:59:43.000Z, text as notification, if unknown: dead-letter
`);
    expect(out).toMatch(
      /^waits +in the backlog of its number, 1 before it as notification, 0 of higher priorities, since /m,
    );
    expect(out).toContain(
      `waits        because its account ${WABA} is paused until somebody resumes it: complaint\n`,
    );
  });

  it('lists what an id or a time may mean, and asks which', async () => {
    for (const wabaId of [WABA, '900']) await rig.settled(aCommand('twice', { wabaId }), undefined);
    const twice = await show('twice');
    expect(twice).toMatchObject({
      code: 1,
      err: 'These have that id: name one with --waba, or with --number.\n',
    });
    expect(twice.out.split('\n')).toHaveLength(4);
    expect((await show('twice', '--waba', '900')).out).toContain(
      'of account 900\nstate        claimed since',
    );
    const near = await show('--phone', PHONE, '--at', at(10).toISOString());
    expect(near).toMatchObject({ code: 0, err: '' });
    expect(near.out).toMatch(
      /^time +direction +type +status +contact .*\n.* inbound +reaction .*\n.* outbound +text +delivered/,
    );
  });

  it('what is not there, or asked for wrongly, says what to do', async () => {
    const nobody = await show('nobody');
    expect(nobody).toMatchObject({ code: 3, out: '' });
    expect(nobody.err).toMatch(
      /^error: nothing is known of nobody: it is neither in the read model nor in the ledger.*projections status.*\n$/,
    );
    expect(await show('--phone', '49', '--at', '2026-01-01')).toMatchObject({
      code: 3,
      err: expect.stringContaining('--within'),
    });
    for (const [args, problem] of [
      [[], 'an id is needed, or --phone with --at'],
      [['a', '--phone', '1'], 'exclude each other'],
      [['--phone', '1', '--at', 'noon'], 'It must be like 2026-01-31'],
      [['--phone', '1', '--at', '2026-01-01', '--within', 'long'], 'It must be like 500ms'],
    ] as const)
      expect(await show(...args)).toMatchObject({ code: 2, err: expect.stringContaining(problem) });
    const away = await runCli(['messages', 'show', 'x'], {
      env: { DATABASE_URL: 'postgres://u:pw@127.0.0.1:1/d' },
    });
    expect(away).toMatchObject({
      code: 4,
      out: '',
      err: expect.stringContaining('The database does not answer at 127.0.0.1:1/d'),
    });
    const kafkaAway = await runCli(['messages', 'show', 'twice', '--waba', '900'], {
      env: { ...env, KAFKA_BROKERS: '127.0.0.1:1' },
    });
    expect(kafkaAway).toMatchObject({
      code: 0,
      err: expect.stringContaining("The command's own record could not be read from Kafka"),
    });
  }, 30_000);
});

const from = ['--from', NUMBER];
const one = [...from, '--to', '+15550001111'];

describe('send', () => {
  it('publishes a text or a template, under the account of its number; a dry run does not', async () => {
    expect(await send(...one, '--text', 'Hi', '--id', 'a', '--dry-run')).toEqual({
      ...{ code: 0, err: '', out: `Would publish command a of account ${WABA}.\n` },
    });
    expect(await send(...one, '--text', 'Hi', '--id', 'b')).toEqual({
      ...{ code: 0, err: '', out: `Published command b of account ${WABA}.\n` },
    });
    const template = ['--template', 'order', '--language', 'en_US', '--param', 'Rosa', '--param', 'a=b'];
    const answer = await jsonOf<{ id: string }>(['messages', 'send', ...one, ...template], { env });
    expect(answer).toEqual({ id: expect.any(String), wabaId: WABA, fate: null });
    const parameters = ['Rosa', 'a=b'].map((text) => ({ type: 'text', text }));
    const all = await published();
    expect(all.find(({ id }) => id === 'a')).toBeUndefined();
    expect(all.find(({ id }) => id === answer.id)).toMatchObject({
      ...{ wabaId: WABA, phoneNumberId: NUMBER, to: '+15550001111' },
      message: { template: { name: 'order', components: [{ type: 'body', parameters }] } },
    });
  });

  it('waits for what becomes of it, and fails when it is not accepted or nothing is heard', async () => {
    const fate = async (id: string, state: string, told: object) => {
      await eventually(async () => expect((await published()).map((command) => command.id)).toContain(id));
      const data = { wabaId: WABA, phoneNumberId: NUMBER, commandId: id, version: 1, attempt: 1, ...told };
      const event = {
        id,
        type: `whatsapp.dispatch.${state}.v1`,
        source: 's',
        time: at(0).toISOString(),
        subject: id,
        data,
      };
      await producer.send({
        topic: dispatches.name,
        key: WABA,
        value: JSON.stringify(data),
        headers: cloudEventHeaders(event),
      });
    };
    const wait = (id: string, ...more: string[]) =>
      send(...one, '--text', 'Hi', '--id', id, '--wait', ...more);
    const error = { code: 131026, class: 'recipient', message: 'undeliverable' };
    const [accepted, dead, unheard] = await Promise.all([
      wait('ok'),
      wait('dead', '20s'),
      wait('unheard', '1s'),
      fate('ok', 'accepted', { wamid: 'wamid.ok' }),
      fate('dead', 'dead-lettered', { cause: 'permanent', error }),
    ]);
    expect(accepted).toEqual({
      code: 0,
      err: '',
      out: 'Command ok is accepted as wamid.ok, after 1 attempt.\n',
    });
    expect(dead).toEqual({
      code: 1,
      err: '',
      out: 'Command dead is dead-lettered, after 1 attempt: recipient 131026, undeliverable.\n',
    });
    expect(unheard).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^It may still be sent .*messages show unheard\n$/),
    });
  }, 60_000);

  it('of a file sends all or, asked to, those that are right; again it sends nobody twice', async () => {
    const file = join(directory, 'spring sale.csv');
    writeFileSync(file, 'to,text\n+15550000001,a secret\nnobody,a secret\n+15550000003,Hi\n');
    const refused = await send('--file', file, ...from);
    expect(refused).toEqual({
      ...{ code: 1, err: '' },
      out: `line  what is wrong
3     to must match pattern "^\\+[1-9][0-9]{4,14}$"
Nothing is published: 1 of 3 lines are wrong. Correct them, or leave them out with --skip-invalid.
`,
    });
    const before = (await published()).length;
    const done = await send('--file', file, ...from, '--skip-invalid', '--rate', '1000');
    expect(done).toMatchObject({ code: 1, out: expect.stringMatching(/\nPublished 2 commands.\n$/) });
    const again = ['messages', 'send', '--file', file, ...from, '--skip-invalid', '--output', 'json'];
    expect(JSON.parse((await runCli(again, { env })).out)).toMatchObject({
      commands: 2,
      published: 2,
      faulty: [{ line: 3 }],
    });
    const ids = (await published()).slice(before).map(({ id }) => id);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(2);
    expect(ids[0]).toMatch(/^spring-sale\.csv:/);
    const piped = await runCli(
      ['messages', 'send', '--file', '-', '--format', 'jsonl', '--batch', 'x', ...from, '--dry-run'],
      {
        env,
        stdin: '{"to":"+15550000001","message":{"type":"text","text":{"body":"Hi"}}}\n',
      },
    );
    expect(piped).toMatchObject({ code: 0, out: 'Would publish 1 commands.\n' });
  });

  it('what is asked for wrongly says what to do, and publishes nothing', async () => {
    const before = (await published()).length;
    const file = join(directory, 'odd.csv');
    writeFileSync(file, 'to,txt\n');
    for (const [args, problem] of [
      [[...one, '--text', ''], 'text.body must be a text that is not empty'],
      [
        ['--from', '1', '--to', '+15550001111', '--text', 'Hi'],
        'not in the registry: see talaria numbers list',
      ],
      [['--text', 'Hi', '--to', '+1'], '--from is needed'],
      [[...from, '--text', 'Hi'], '--to or --recipient is needed'],
      [[...one], 'no message: give a text or a template'],
      [[...one, '--text', 'Hi', '--template', 't'], 'exclude each other'],
      [[...one, '--template', 't'], '--template needs --language'],
      [[...one, '--text', 'Hi', '--rate', '5'], '--rate, --skip-invalid and --batch are of a --file'],
      [['--file', file, '--to', '+1'], '--to, --recipient and --id are of one message'],
      [['--file', file, '--rate', '0'], 'It must be a whole number from 1'],
      [['--file', file], 'the file has a column "txt"'],
      [['--file', 'README.md'], '--format csv or jsonl is needed'],
      [['--file', '-', '--format', 'csv'], '--batch is needed with standard input'],
    ] as const)
      expect(await send(...args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(problem) });
    expect(await send('--file', join(directory, 'none.csv'))).toMatchObject({
      code: 3,
      err: expect.stringContaining('cannot be read (ENOENT)'),
    });
    const nothing = await runCli(['messages', 'send', ...one, '--text', 'Hi'], {});
    expect(nothing).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /DATABASE_URL is missing[^]*KAFKA_BROKERS is missing|KAFKA_BROKERS is missing[^]*DATABASE_URL is missing/,
      ),
    });
    expect(await published()).toHaveLength(before);
  });
});

it('tail follows what was told, filtered and masked, as lines or documents, until it is interrupted', async () => {
  const status = {
    status: 'delivered',
    recipient: { phone: PHONE },
    wamid: 'wamid.t',
    commandId: 'followed',
  };
  const data = { wabaId: WABA, phoneNumberId: NUMBER, ...status };
  const event = {
    id: 't',
    type: 'whatsapp.message.status.v1',
    source: 's',
    time: at(0).toISOString(),
    subject: 't',
    data,
  };
  for (const wabaId of ['900', WABA])
    await producer.send({
      topic: events.name,
      key: PHONE,
      value: JSON.stringify({ ...data, wabaId }),
      headers: cloudEventHeaders(event),
    });
  const tail = async (...args: string[]) => {
    const interrupt = new AbortController();
    const { signal } = interrupt;
    // The first line is the only one that the filter lets through.
    return runCli(['messages', 'tail', '--since', '1h', '--waba', WABA, '--type', 'message', ...args], {
      env,
      signal,
      onWrite: () => interrupt.abort(),
    });
  };
  const [people, programs] = await Promise.all([tail(), tail('-o', 'json', '--topic', 'events')]);
  expect(people).toEqual({
    ...{ code: 0, err: '' },
    out: `2025-06-08T20:59:43.000Z  message.status            ****1234  delivered  command followed  number ${NUMBER}  wamid.t\n`,
  });
  expect(JSON.parse(programs.out)).toEqual({
    ...{ at: at(0).toISOString(), type: 'message.status', wabaId: WABA, phoneNumberId: NUMBER },
    ...{ commandId: 'followed', wamid: 'wamid.t', contact: '****1234', detail: 'delivered' },
  });
  const admin = createKafka(kafka.config, 'spec', testLogger).admin();
  await admin.connect();
  const { groups } = await admin.listGroups();
  await admin.disconnect();
  expect(
    groups.filter(({ groupId }) => groupId.startsWith(`${kafka.config.KAFKA_PREFIX}talaria.tail`)),
  ).toEqual([]);
}, 60_000);
