import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { headers, retryTiers, topics } from '@talaria/contracts';
import { hashOfWamid } from '@talaria/observability';
import { query } from '../tools/platform/database';
import { appSecret, type Platform, verifyToken } from '../tools/platform/platform';
import { sign } from '@talaria/whatsapp';
import { eventually, kafkaConfigOf, publish, readAll, startTraceReceiver, testPlatform } from './kit';

const number = {
  wabaId: '710001',
  phoneNumberId: '720001',
  displayPhoneNumber: '+1 555 010 7777',
  accessToken: 'secret-token-8f3a',
};
const markers = { text: 'quick brown Ünïcode / fox', phone: '4915177700123', name: 'Zoë Quartermain' };

const notification = (message: Record<string, unknown>) => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: number.wabaId,
      changes: [
        {
          field: 'messages',
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '15550107777', phone_number_id: number.phoneNumberId },
            contacts: [
              { profile: { name: markers.name }, wa_id: message.from, user_id: message.from_user_id },
            ],
            messages: [{ timestamp: '1763900000', ...message }],
          },
        },
      ],
    },
  ],
});

describe('the whole loop', () => {
  let platform: Platform;
  let receiver: Awaited<ReturnType<typeof startTraceReceiver>>;

  beforeAll(async () => {
    receiver = await startTraceReceiver();
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
    platform = await testPlatform('loop', { ingestion: traced, processor: traced, dispatcher: traced });
    await platform.addNumber(number);
    // All that they ever say.
    for (const app of ours()) {
      const changed = await fetch(new URL('/log-level', app.healthUrl), {
        method: 'PUT',
        body: '{"level":"trace"}',
      });
      expect(await changed.json()).toMatchObject({ level: 'trace' });
    }
  }, 120_000);

  const ours = () => [platform.apps.ingestion, platform.apps.processor, platform.apps.dispatcher];

  afterAll(async () => {
    const ends = await platform.stop();
    receiver.close();
    expect(Object.values(ends)).toEqual(Object.keys(ends).map(() => 'exit code 0'));
  }, 60_000);

  const messageRow = async (wamid: string) => {
    const [row] = await query<Record<string, unknown>>(
      platform.databaseUrl,
      'SELECT * FROM messages WHERE wamid = $1',
      [wamid],
    );
    expect(row).toBeDefined();
    return row;
  };

  it('brings a message of a person into the read model and tells products of it once', async () => {
    const message = { id: 'wamid.loop-1', from: markers.phone, type: 'text', text: { body: markers.text } };
    expect(await platform.simulator.deliver(notification(message), 3)).toBe(200);
    expect(await eventually(() => messageRow('wamid.loop-1'))).toMatchObject({
      phone_number_id: number.phoneNumberId,
      waba_id: number.wabaId,
      direction: 'inbound',
      contact_phone: markers.phone,
      type: 'text',
      text: markers.text,
      message_at: new Date(1763900000_000),
    });
    const events = await eventually(async () => {
      const found = (await readAll(kafkaConfigOf(platform), topics.events.name)).filter(
        (record) => record.headers.ce_id === `${number.phoneNumberId}/wamid.loop-1`,
      );
      expect(found).not.toEqual([]);
      return found;
    });
    expect(events).toHaveLength(1);
    expect(events[0]?.headers.ce_type).toBe('whatsapp.message.received.v1');
    expect(events[0]?.key?.toString()).toBe(markers.phone);
    expect(JSON.parse(String(events[0]?.value))).toMatchObject({
      wamid: 'wamid.loop-1',
      from: { phone: markers.phone, name: markers.name },
      message: { text: { body: markers.text } },
    });
  });

  it('keys a person without a phone by the user id', async () => {
    const message = {
      id: 'wamid.loop-2',
      from_user_id: 'DE.1349120865530274',
      type: 'text',
      text: { body: 'hi' },
    };
    expect(await platform.simulator.deliver(notification(message))).toBe(200);
    expect(await eventually(() => messageRow('wamid.loop-2'))).toMatchObject({
      contact_phone: null,
      contact_user_id: 'DE.1349120865530274',
    });
    const records = await readAll(kafkaConfigOf(platform), topics.webhooks.name);
    const keys = records.map(({ key }) => key?.toString());
    expect(keys).toContain('DE.1349120865530274');
    expect(keys).not.toContain('undefined');
  });

  it('keeps a message of a type that nobody knows', async () => {
    const message = { id: 'wamid.loop-3', from: markers.phone, type: 'hologram', hologram: { depth: 3 } };
    expect(await platform.simulator.deliver(notification(message))).toBe(200);
    expect(await eventually(() => messageRow('wamid.loop-3'))).toMatchObject({ type: 'hologram' });
  });

  it('puts a signed body that is not JSON to the dead letters, and answers 200', async () => {
    expect(await platform.simulator.deliver('this is not JSON')).toBe(200);
    await eventually(async () => {
      const letters = await readAll(kafkaConfigOf(platform), topics.webhooksDlq.name);
      expect(letters.map(({ value }) => value?.toString())).toContain('this is not JSON');
      expect(letters[0]?.headers).toMatchObject({ [headers.dlqCause]: 'decode' });
    });
  });

  it('sends a command and follows it until it is read', async () => {
    const command = {
      id: 'loop-command-1',
      wabaId: number.wabaId,
      phoneNumberId: number.phoneNumberId,
      to: `+${markers.phone}`,
      message: { type: 'text', text: { body: markers.text } },
      metadata: { order: '42' },
    };
    await publish(platform, topics.outbound.name, [{ key: command.wabaId, value: JSON.stringify(command) }]);
    const row = await eventually(async () => {
      const [found] = await query<Record<string, unknown>>(
        platform.databaseUrl,
        `SELECT * FROM messages WHERE command_id = $1 AND status = 'read' AND accepted_at IS NOT NULL`,
        [command.id],
      );
      expect(found).toBeDefined();
      return found;
    });
    expect(row).toMatchObject({ direction: 'outbound', text: markers.text, contact_phone: markers.phone });
    for (const time of ['accepted_at', 'sent_at', 'delivered_at', 'read_at'])
      expect(row?.[time]).toBeInstanceOf(Date);
    const [state] = await query(
      platform.databaseUrl,
      'SELECT state, attempts, wamid FROM commands WHERE command_id = $1',
      [command.id],
    );
    expect(state).toEqual({ state: 'accepted', attempts: 1, wamid: row?.wamid });
    const [event] = await readAll(kafkaConfigOf(platform), topics.dispatches.name);
    expect(event?.headers.ce_type).toBe('whatsapp.dispatch.accepted.v1');
    expect(JSON.parse(String(event?.value))).toMatchObject({
      commandId: command.id,
      metadata: { order: '42' },
    });
  });

  it('sends nothing for an account that Meta has disabled, until it is reinstated', async () => {
    const pausedUntil = '2099-01-01';
    const banned = { ...number, wabaId: '710002', phoneNumberId: '720002', pausedUntil };
    const other = { ...number, wabaId: '710003', phoneNumberId: '720003', pausedUntil };
    for (const one of [banned, other]) await platform.addNumber(one);
    const commands = [banned, other].map(({ wabaId, phoneNumberId }) => ({
      ...{ id: 'loop-command-2', wabaId, phoneNumberId, to: `+${markers.phone}` },
      message: { type: 'text', text: { body: markers.text } },
    }));
    await publish(
      platform,
      topics.outbound.name,
      commands.map((command) => ({ key: command.wabaId, value: JSON.stringify(command) })),
    );
    await eventually(async () =>
      expect(await (await fetch(platform.metricsUrls.dispatcher)).text()).toContain(
        'talaria_dispatch_paused_numbers 2\n',
      ),
    );
    const ban = (state: string, time: number) => {
      const value = { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: state } };
      const entry = [{ id: banned.wabaId, time, changes: [{ field: 'account_update', value }] }];
      return platform.simulator.deliver({ object: 'whatsapp_business_account', entry });
    };
    const now = Math.floor(Date.now() / 1000);
    expect(await ban('DISABLE', now)).toBe(200);
    await eventually(async () =>
      expect(
        await query(platform.databaseUrl, `SELECT FROM wabas WHERE restricted_until = 'infinity'`),
      ).toHaveLength(1),
    );
    // The dispatcher that sends for the other one has read of the ban.
    await query(platform.databaseUrl, 'UPDATE phone_numbers SET paused_until = NULL');
    const sentOf = async (of: typeof banned) =>
      (await platform.simulator.accepted()).filter(({ phoneNumberId }) => phoneNumberId === of.phoneNumberId);
    await eventually(async () => expect(await sentOf(other)).toHaveLength(1));
    expect(await sentOf(banned)).toEqual([]);
    expect(await ban('REINSTATE', now + 1)).toBe(200);
    await eventually(async () => expect(await sentOf(banned)).toHaveLength(1));
  });

  it('carries the trace of the webhook into the record headers only when one is traced', async () => {
    const records = await readAll(kafkaConfigOf(platform), topics.webhooks.name);
    expect(records.every((record) => record.headers[headers.deliveryId] !== undefined)).toBe(true);
  });

  describe('the door', () => {
    const post = (body: string, signature?: string, type = 'application/json') =>
      fetch(platform.webhookUrl, {
        method: 'POST',
        body,
        headers: {
          'content-type': type,
          ...(signature !== undefined && { 'x-hub-signature-256': signature }),
        },
      });
    /** Says how long a body is and waits for the answer: one that is refused is not read. */
    const announce = (length: number) =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'content-length': length };
        const sent = request(platform.webhookUrl, { method: 'POST', headers }, ({ statusCode }) => {
          resolve(statusCode);
          sent.destroy();
        });
        sent.once('error', reject);
        sent.flushHeaders();
      });
    const signed = (body: string) => sign(Buffer.from(body), appSecret);

    it.each([
      ['no signature', undefined],
      ['a wrong one', `sha256=${'0'.repeat(64)}`],
      ['SHA-1', `sha1=${'0'.repeat(40)}`],
    ])('answers 401 without a word to %s', async (_, signature) => {
      const response = await post('{}', signature);
      expect([response.status, await response.text()]).toEqual([401, '']);
    });

    it('answers 413 to more than 4 MB, and takes one message of 3 MB, the most that Meta sends', async () => {
      expect(await announce(4 * 1024 * 1024 + 1)).toBe(413);
      const body = 'é'.repeat(1_500_000);
      const message = { id: 'wamid.loop-large', from: markers.phone, type: 'text', text: { body } };
      const fits = JSON.stringify(notification(message));
      expect((await post(fits, signed(fits))).status).toBe(200);
      expect(await eventually(() => messageRow('wamid.loop-large'))).toMatchObject({ text: body });
      const events = await readAll(kafkaConfigOf(platform), topics.events.name);
      expect(events.some(({ value }) => value?.toString().includes('wamid.loop-large'))).toBe(true);
    });

    it('takes a signed body whatever its content type says', async () => {
      const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [] });
      expect((await post(body, signed(body), 'text/plain')).status).toBe(200);
    });

    it("answers Meta's handshake with the challenge alone, and 403 to others", async () => {
      const ask = (token: string) =>
        fetch(`${platform.webhookUrl}?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=1158201444`);
      const right = await ask(verifyToken);
      expect([right.status, await right.text()]).toEqual([200, '1158201444']);
      const wrong = await ask('guess');
      expect([wrong.status, await wrong.text()]).toEqual([403, '']);
    });

    it('answers 404 to other paths', async () => {
      expect((await fetch(new URL('/admin', platform.webhookUrl))).status).toBe(404);
    });
  });

  it('is healthy, and counts from zero', async () => {
    for (const app of ours()) {
      for (const path of ['startup', 'live', 'ready'])
        expect((await fetch(`${app.healthUrl}/${path}`)).status).toBe(200);
    }
    const metrics = await (await fetch(platform.metricsUrls.ingestion)).text();
    expect(metrics).toContain('talaria_webhook_requests_total{result="unavailable",app=""} 0');
    expect(await (await fetch(platform.metricsUrls.dispatcher)).text()).toContain(
      'talaria_dead_letters_total{cause="ambiguous"} 0',
    );
  });

  it('serves the metrics that the reference lists and no others, and tells nothing of people in them', async () => {
    const listed = readFileSync(join(__dirname, '../docs/reference/metrics.md'), 'utf8').matchAll(
      /^\| `(talaria_\w+)`/gm,
    );
    const served = await Promise.all(
      Object.values(platform.metricsUrls).map(async (url) => {
        const text = await (await fetch(url)).text();
        for (const secret of [markers.phone, number.accessToken, number.displayPhoneNumber])
          expect(text).not.toContain(secret);
        return [...text.matchAll(/^# TYPE (talaria_\w+)/gm)].map(([, name]) => name);
      }),
    );
    expect(new Set(served.flat())).toEqual(new Set([...listed].map(([, name]) => name)));
  });

  it('keeps no token or secret in any topic or table as it is', async () => {
    const tables = await query<{ name: string }>(
      platform.databaseUrl,
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const texts = await Promise.all(
      tables.map(({ name }) =>
        query<{ text: string | null }>(
          platform.databaseUrl,
          `SELECT string_agg(t::text, ' ') AS text FROM ${name} AS t`,
        ),
      ),
    );
    const names = Object.values(topics).map((topic) => topic.name);
    const records = await Promise.all(names.map((name) => readAll(kafkaConfigOf(platform), name)));
    const all = JSON.stringify([
      texts,
      records.flat().map(({ key, value, headers: found }) => [String(key), String(value), found]),
    ]);
    expect(all).toContain('loop-command-1');
    for (const secret of [number.accessToken, appSecret, verifyToken, platform.secretsKeys])
      for (const form of [
        secret,
        Buffer.from(secret).toString('hex'),
        Buffer.from(secret).toString('base64'),
      ])
        expect(all).not.toContain(form);
  }, 60_000);

  describe('when things go wrong', () => {
    const command = (id: string, more: object = {}) => ({
      ...{ id, wabaId: number.wabaId, phoneNumberId: number.phoneNumberId, to: `+${markers.phone}` },
      ...{ message: { type: 'text', text: { body: markers.text } }, ...more },
    });
    const publishAll = (values: readonly string[]) =>
      publish(
        platform,
        topics.outbound.name,
        values.map((value) => ({ key: number.wabaId, value })),
      );
    const headersIn = async (...names: readonly string[]) => {
      const found = await Promise.all(names.map((name) => readAll(kafkaConfigOf(platform), name)));
      return found.flat().map((record) => record.headers);
    };
    const causesIn = async (name: string) =>
      (await headersIn(name)).map((found) => found[headers.dlqCause]).sort();
    const retries = retryTiers.map(({ topic }) => topic.name);
    const log = ({ logFile }: { readonly logFile: string }) => readFileSync(logFile, 'utf8');
    const lines = (app: { readonly logFile: string }, message: string) =>
      log(app)
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ msg }) => msg === message);
    const attemptOf = (id: string) =>
      eventually(() => {
        const attempt = lines(platform.apps.dispatcher, 'attempt').find(({ commandId }) => commandId === id);
        expect(attempt).toBeDefined();
        return attempt;
      });

    beforeAll(async () => {
      const notJson = `{"said by ${markers.name}, ${markers.phone}": "${markers.text}`;
      expect(await platform.simulator.deliver(notJson)).toBe(200);
      const unsigned = { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` };
      await fetch(platform.webhookUrl, { method: 'POST', body: notJson, headers: unsigned });
      const poison = { id: 'wamid.loop-poison', from: markers.phone, type: 'text' };
      const body = `${markers.text}\0`;
      expect(await platform.simulator.deliver(notification({ ...poison, text: { body } }))).toBe(200);

      await publish(platform, topics.webhooks.name, [{ key: markers.phone, value: notJson }]);

      const message = `${number.accessToken} may not send "${markers.phone}" anything`;
      const quoting = JSON.stringify({ error: { code: 100, message, fbtrace_id: 'A1b2' } });
      for (const [id, answer] of [
        ['loop-refused', { http: 400, body: quoting, contentType: 'application/json' }],
        ['loop-later', { code: 131000, retryAfterSeconds: 20 }],
        ['loop-cut-off', { drop: 'before' }],
        ['loop-failed', { failedStatus: 131026 }],
      ] as const) {
        await platform.simulator.addFault({ answer });
        await publishAll([JSON.stringify(command(id))]);
        await attemptOf(id);
      }
      await publishAll([
        notJson,
        JSON.stringify(command('loop-invalid', { metadata: { [markers.phone]: 5 }, [markers.name]: 1 })),
        JSON.stringify(command('loop-command-1', { to: `+${markers.phone}9` })),
      ]);
      await eventually(async () => {
        expect(await causesIn(topics.outboundDlq.name)).toEqual([
          'conflict',
          'decode',
          'invalid',
          'permanent',
        ]);
        expect(await causesIn(topics.webhooksDlq.name)).toEqual(['decode', 'decode', 'decode']);
        expect(await headersIn(...retries)).toHaveLength(2);
      }, 30_000);
    }, 90_000);

    it('each attempt, and each webhook, is a line with the ids of all that it is about', async () => {
      const { wabaId, phoneNumberId } = number;
      const about = {
        ...{ wabaId, phoneNumberId, attempt: 1 },
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      };
      expect(await attemptOf('loop-refused')).toMatchObject({
        ...{ ...about, outcome: 'dead-letter', cause: 'permanent', code: 100, class: 'content' },
        ...{ fbtraceId: 'A1b2', topic: topics.outbound.name, partition: expect.any(Number) },
        ...{ waitedMs: expect.any(Number), durationMs: expect.any(Number) },
      });
      const [sent] = await platform.simulator.accepted();
      expect(await attemptOf('loop-command-1')).toMatchObject({
        ...{ ...about, outcome: 'accepted', wamidHash: hashOfWamid(sent!.wamid) },
      });
      expect(await attemptOf('loop-later')).toMatchObject({ ...about, outcome: 'retry', code: 131000 });
      expect(await attemptOf('loop-cut-off')).toMatchObject({
        ...about,
        outcome: 'unknown',
        class: 'ambiguous',
      });

      const webhooks = lines(platform.apps.ingestion, 'webhook');
      expect(webhooks).toContainEqual(
        expect.objectContaining({
          ...{
            level: 'debug',
            result: 'accepted',
            items: 1,
            wabaId,
            phoneNumberId,
            bytes: expect.any(Number),
          },
          ...{ deliveryId: expect.any(String), trace_id: about.trace_id, durationMs: expect.any(Number) },
        }),
      );
      for (const result of ['not_json', 'bad_signature', 'too_large'])
        expect(webhooks).toContainEqual(expect.objectContaining({ level: 'info', result }));
    });

    it('no log, span, metric, error or header tells who or what it was about, nor a secret', async () => {
      const metrics = Object.values(platform.metricsUrls).map(async (url) => (await fetch(url)).text());
      const errors = await query(
        platform.databaseUrl,
        `SELECT error_message FROM dispatch_attempts WHERE error_message IS NOT NULL`,
      );
      const told: Record<string, string> = {
        ...Object.fromEntries(Object.values(platform.apps).map((app) => [app.name, log(app)])),
        metrics: (await Promise.all(metrics)).join(),
        spans: receiver.raw.join(),
        headers: JSON.stringify(
          await headersIn(topics.outboundDlq.name, topics.webhooksDlq.name, ...retries),
        ),
        errors: JSON.stringify(errors),
      };
      for (const [where, what] of [
        ['dispatcher', 'loop-command-1'],
        ['processor', 'dead-lettered'],
        ['ingestion', 'bad_signature'],
        ['metrics', 'talaria_dead_letters_total{cause="conflict"} 1'],
        ['spans', 'loop-command-1'],
        ['headers', 'may not send'],
        ['errors', 'may not send'],
      ] as const)
        expect([where, told[where]]).toEqual([where, expect.stringContaining(what)]);
      const secrets = [number.accessToken, appSecret, verifyToken, platform.secretsKeys];
      for (const secret of [...Object.values(markers), markers.phone.slice(2), 'wamid.', ...secrets])
        for (const [where, text] of Object.entries(told))
          expect([where, secret, text.includes(secret)]).toEqual([where, secret, false]);
    });
  });
});
