import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { call } from './call';
import { createCloudApiClient, readAnswer, readLookUp, readProbe } from './cloud-api.client';

const json = (value: unknown) => JSON.stringify(value);
const success = {
  messaging_product: 'whatsapp',
  contacts: [{ input: '+15550001111', wa_id: '15550001111' }],
  messages: [{ id: 'wamid.1', message_status: 'accepted' }],
};
const graphError = { error: { message: '(#130429) Rate limit hit', type: 'OAuthException', code: 130429 } };

describe('reading an answer', () => {
  it('accepts only what carries a wamid', () => {
    expect(readAnswer(200, {}, json(success))).toEqual({
      kind: 'accepted',
      wamid: 'wamid.1',
      waId: '15550001111',
    });
    const minimal = { messages: [{ id: 'wamid.2' }] };
    expect(readAnswer(200, {}, json(minimal))).toEqual({ kind: 'accepted', wamid: 'wamid.2' });
  });

  it("passes on Meta's error", () => {
    const error = { ...graphError.error, error_subcode: 2494055, fbtrace_id: 'F', is_transient: true };
    expect(readAnswer(400, {}, json({ error }))).toEqual({
      kind: 'refused',
      httpStatus: 400,
      error: {
        code: 130429,
        title: '(#130429) Rate limit hit',
        fbtraceId: 'F',
        isTransient: true,
      },
    });
  });

  it.each([
    ['HTML of an edge proxy', 502, '<h1>Bad Gateway</h1>'],
    ['HTML with 200', 200, '<html></html>'],
    ['nothing', 200, ''],
    ['nothing with 500', 500, ''],
    ['JSON that is cut off', 200, json(success).slice(0, -3)],
    ['JSON of something else', 200, '{"success":true}'],
    ['null', 200, 'null'],
    ['a list', 200, '[]'],
    ['messages without an id', 200, '{"messages":[{}]}'],
    ['an empty id', 200, '{"messages":[{"id":""}]}'],
    ['an id that no database stores', 200, '{"messages":[{"id":"w\\u0000"}]}'],
    ['messages that are no list', 200, '{"messages":{"id":"w"}}'],
    ['a success with another status', 502, json(success)],
    ['an error without a code', 500, '{"error":{"message":"oops"}}'],
    ['an error whose code is no integer', 500, '{"error":{"code":"190"}}'],
    ['an error that is a text', 500, '{"error":"oops"}'],
  ])('does not know what %s means', (_title, status, text) => {
    expect(readAnswer(status, {}, text)).toMatchObject({ kind: 'unknown' });
  });

  it("keeps Meta's id of the failed call only when it is one", () => {
    const error = { code: 1, message: '', fbtrace_id: 'a\0b' };
    expect(readAnswer(400, {}, json({ error }))).toMatchObject({ error: { code: 1, title: '' } });
    expect(JSON.stringify(readAnswer(400, {}, json({ error })))).not.toContain('fbtraceId');
  });

  it('keeps of the title only what can be stored', () => {
    const title = (message: string) => {
      const result = readAnswer(400, {}, json({ error: { code: 1, message } }));
      return result.kind === 'refused' ? result.error.title : undefined;
    };
    expect(title('a\0b')).toBe('ab');
    expect(title('\ud83d')).toBe('\ufffd');
    expect(title(`${'x'.repeat(199)}😀`)).toBe(`${'x'.repeat(199)}\ufffd`);
  });

  it.each<[string, Record<string, string | string[]>, number | undefined]>([
    ['no header', {}, undefined],
    ['Retry-After in seconds', { 'retry-after': '5' }, 5000],
    ['Retry-After twice', { 'retry-after': ['7'] }, 7000],
    ['Retry-After 0', { 'retry-after': '0' }, 0],
    [
      'Retry-After as a date, which Meta does not send',
      { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' },
      undefined,
    ],
    ['a negative Retry-After', { 'retry-after': '-5' }, undefined],
    ['a Retry-After of years', { 'retry-after': '99999999' }, 86_400_000],
    [
      'the longest time of the usage header',
      {
        'x-business-use-case-usage': json({
          1: [{ estimated_time_to_regain_access: 2 }, { estimated_time_to_regain_access: 9 }],
        }),
      },
      540_000,
    ],
    [
      'a usage header without need to wait',
      { 'x-business-use-case-usage': json({ 1: [{ call_count: 1, estimated_time_to_regain_access: 0 }] }) },
      undefined,
    ],
    ['a usage header that is no JSON', { 'x-business-use-case-usage': 'x' }, undefined],
    [
      'Retry-After before the usage header',
      {
        'retry-after': '1',
        'x-business-use-case-usage': json({ 1: [{ estimated_time_to_regain_access: 9 }] }),
      },
      1000,
    ],
  ])('reads when to come back: %s', (_title, headers, retryAfterMs) => {
    expect(readAnswer(429, headers, json(graphError))).toMatchObject({ kind: 'refused' });
    expect((readAnswer(429, headers, json(graphError)) as { retryAfterMs?: number }).retryAfterMs).toBe(
      retryAfterMs,
    );
  });
});

describe('a call', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function clientOf(listener: RequestListener, timeoutMs = 5000) {
    return createCloudApiClient({
      baseUrl: await serve(listener),
      version: 'v24.0',
      timeoutMs,
      connections: 2,
    });
  }

  it('posts the body with the token to the number', async () => {
    const seen: unknown[] = [];
    const client = await clientOf((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        seen.push(request.method, request.url, request.headers.authorization, JSON.parse(body));
        response.end(json(success));
      });
    });
    expect(await client.send('100', 'secret', { to: '+1' })).toMatchObject({ kind: 'accepted' });
    expect(seen).toEqual(['POST', '/v24.0/100/messages', 'Bearer secret', { to: '+1' }]);
    await client.close();
  });

  it('without an answer in time is unknown, with a reason that is a text', async () => {
    const client = await clientOf(() => undefined, 100);
    expect(await client.send('100', 't', {})).toEqual({ kind: 'unknown', reason: 'TimeoutError' });
    await client.close();
  });

  it('that waits for a connection until its time is over is never posted', async () => {
    const posted: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      posted.push(request.url);
      if (request.url !== '/holds') response.end('{}');
    });
    const pool = new Pool(url, { connections: 1 });
    const get = (path: string, timeoutMs: number) => call(pool, { method: 'GET', path }, timeoutMs);
    const holding = expect(get('/holds', 400)).rejects.toThrow('no answer in time');
    await expect(get('/waits', 50)).rejects.toThrow('no answer in time');
    await holding;
    // Its connection is free by now.
    expect(await get('/after', 5000)).toMatchObject({ statusCode: 200 });
    expect(posted).toEqual(['/holds', '/after']);
    await pool.close();
  });

  it('whose connection breaks is unknown, and so is an answer that never ends', async () => {
    const broken = await clientOf((request) => request.socket.destroy());
    expect(await broken.send('100', 't', {})).toMatchObject({ kind: 'unknown' });
    await broken.close();
    server?.close();
    const endless = await clientOf((_request, response) => response.end('x'.repeat(300 * 1024)));
    expect(await endless.send('100', 't', {})).toMatchObject({ kind: 'unknown' });
    await endless.close();
  });

  it('that finds nobody was not sent', async () => {
    const client = await clientOf(() => undefined);
    await new Promise((resolve) => server?.close(resolve));
    expect(await client.send('100', 't', {})).toEqual({ kind: 'not-sent', reason: 'ECONNREFUSED' });
    await client.close();
  });

  it('does not hold up closing', async () => {
    const client = await clientOf(() => undefined, 60_000);
    const call = client.send('100', 't', {});
    await new Promise<void>((resolve) => server?.once('request', () => resolve()));
    await client.close();
    expect(await call).toMatchObject({ kind: 'unknown' });
  });
});

it.each([
  ['well', 200, { id: '100' }],
  ['refused', 401, { error: { code: 190 } }],
  ['refused', 400, { error: { code: 100 } }],
  ['refused', 500, { error: { code: 3 } }],
  ['away', 503, { error: { code: 131016 } }],
  ['away', 500, { error: { code: 77_777 } }],
  ['away', 400, { error: { code: 77_777, is_transient: true } }],
  ['away', 502, '<h1>Bad Gateway</h1>'],
  ['away', 200, {}],
  ['away', 200, null],
])('a probe finds Meta %s (HTTP %i, %j)', (expected, status, body) => {
  expect(readProbe(status, typeof body === 'string' ? body : JSON.stringify(body))).toBe(expected);
});

describe('looking a number up', () => {
  it('reads what Meta tells, and leaves out what it does not, or tells otherwise', () => {
    const all = {
      ...{ id: '1', display_phone_number: '+1 555', verified_name: 'Acme', quality_rating: 'GREEN' },
      ...{ status: 'CONNECTED', throughput: { level: 'HIGH' } },
    };
    expect(readLookUp(200, json(all))).toEqual({
      kind: 'found',
      number: {
        ...{ displayPhoneNumber: '+1 555', verifiedName: 'Acme', qualityRating: 'GREEN' },
        ...{ status: 'CONNECTED', throughput: 'HIGH' },
      },
    });
    expect(readLookUp(200, json({ id: '1', status: 7, throughput: 'x' }))).toEqual({
      kind: 'found',
      number: {},
    });
  });

  it.each([
    [401, { error: { code: 190, message: 'Invalid OAuth access token' } }, 'refused'],
    [503, { error: { code: 131016, message: 'Service unavailable' } }, 'away'],
    [502, '<html>', 'away'],
    [200, { status: 'CONNECTED' }, 'away'],
  ])('HTTP %i %j: %s', (status, body, kind) => {
    expect(readLookUp(status, typeof body === 'string' ? body : json(body))).toMatchObject({ kind });
  });
});
