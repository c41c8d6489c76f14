import { createHmac } from 'node:crypto';
import { topics } from '@talaria/contracts';
import { sign } from '@talaria/whatsapp';
import { register } from 'prom-client';
import { eventually } from '../../../test/kit';
import { type Answer, ask, RawConnection } from '../testing/raw-connection';
import {
  closeIngestions,
  head,
  secrets,
  startIngestion,
  type TestIngestion,
  verifyToken,
  webhook,
} from '../testing/test-ingestion';

const MIB = 1024 * 1024;
const body = JSON.stringify({ entry: [{ id: '1', changes: [{ field: 'flows', value: {} }] }] });
const signature = sign(Buffer.from(body), secrets[0]);
const chunked = (...chunks: string[]) =>
  [...chunks, ''].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
const counted = async (name: string, labels: Record<string, string> = {}) => {
  const metric = await register.getSingleMetric(name)?.get();
  return metric?.values.find((one) =>
    Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  )?.value;
};
/** A status, and nothing that tells who answers or why. */
const expectSilent = (answer: Answer | undefined, status: number | readonly number[]) => {
  expect([status].flat()).toContain(answer?.status);
  expect(answer?.body).toBe('');
  const names = Object.keys(answer?.headers ?? {});
  expect(
    names.filter(
      (name) => !['content-length', 'connection', 'date', 'keep-alive', 'transfer-encoding'].includes(name),
    ),
  ).toEqual([]);
};

// What a failed test has left open would keep the run from ending.
afterAll(closeIngestions);

describe('the door of ingestion', () => {
  let ingestion: TestIngestion;
  let port: number;

  beforeAll(async () => {
    ingestion = await startIngestion();
    ({ port } = ingestion);
  });
  afterAll(() => ingestion.close());
  beforeEach(() => ingestion.records.splice(0));

  const values = () => ingestion.records.map(({ value }) => value?.toString());

  describe('takes a signed webhook', () => {
    const emptySignature = sign(Buffer.from(''), secrets[0]);
    const oldSignature = `sha1=${createHmac('sha1', secrets[0]).update(body).digest('hex')}`;
    it.each<[string, Buffer]>([
      ['as Meta sends it', webhook(body)],
      [
        'by the second of two secrets',
        webhook(body, { 'X-Hub-Signature-256': sign(Buffer.from(body), secrets[1]) }),
      ],
      ['that carries the old signature too', webhook(body, { 'X-Hub-Signature': oldSignature })],
      [
        'with white space around the signature',
        webhook(body, { 'X-Hub-Signature-256': ` \t${signature} \t` }),
      ],
      ['without a content type', webhook(body, { 'Content-Type': undefined })],
      ['with a content type that is none', webhook(body, { 'Content-Type': 'json' })],
      ['with an empty content type', webhook(body, { 'Content-Type': '' })],
      ['with two content types', webhook(body, { 'Content-Type': 'text/plain\r\nContent-Type: a/b' })],
      ['said to be compressed, which it is not', webhook(body, { 'Content-Encoding': 'gzip' })],
      ['over HTTP/1.0', webhook(body, {}, 'POST /webhooks/whatsapp HTTP/1.0')],
      ['with a query', webhook(body, {}, 'POST /webhooks/whatsapp?a=1&a=2&__proto__=x HTTP/1.1')],
      [
        'under an absolute address',
        webhook(body, {}, 'POST http://talaria.example/webhooks/whatsapp HTTP/1.1'),
      ],
      [
        'in chunks',
        Buffer.concat([
          webhook('', {
            'Content-Length': undefined,
            'Transfer-Encoding': 'chunked',
            'X-Hub-Signature-256': signature,
          }),
          Buffer.from(chunked(...body.split(/(?=.)/))),
        ]),
      ],
    ])('%s', async (_, request) => {
      expectSilent(await ask(port, request), 200);
      expect(values()).toEqual([body]);
    });

    it.each([
      ['with a content type', { 'Content-Type': 'application/json' }],
      ['without one', { 'Content-Type': undefined }],
      ['and without a length', { 'Content-Type': undefined, 'Content-Length': undefined }],
    ])('that is empty, as one dead letter, %s', async (_, headers) => {
      expectSilent(await ask(port, webhook('', { ...headers, 'X-Hub-Signature-256': emptySignature })), 200);
      expect(ingestion.records.map(({ topic, value }) => [topic, value?.length])).toEqual([
        [topics.webhooksDlq.name, 0],
      ]);
    });

    it('only when the client asks whether it may be sent', async () => {
      const connection = await RawConnection.open(port);
      let text = '';
      connection.socket.on('data', (chunk) => (text += chunk.toString()));
      const request = webhook(body, { Expect: '100-continue' });
      connection.send(request.subarray(0, -body.length));
      await eventually(() => expect(text).toBe('HTTP/1.1 100 Continue\r\n\r\n'));
      expectSilent(await connection.send(body).answer(), 200);
      connection.socket.destroy();
    });

    it('on one connection after the other, and many at once, answered in order', async () => {
      const connection = await RawConnection.open(port);
      const bodies = Array.from({ length: 20 }, (_, index) => JSON.stringify({ index }));
      connection.send(Buffer.concat(bodies.map((one) => webhook(one))));
      const last = await connection.answer(20);
      expect(connection.answers.map(({ status }) => status)).toEqual(bodies.map(() => 200));
      expect(last?.headers.connection).toBe('keep-alive');
      expect(values().sort()).toEqual([...bodies].sort());
      expectSilent(await ask(port, webhook(body)), 200);
      connection.socket.destroy();
    });

    it('of 4 MiB, the most', async () => {
      expectSilent(await ask(port, webhook(JSON.stringify('x'.repeat(4 * MIB - 2)))), 200);
    });
  });

  describe('answers 401 to a signature that is', () => {
    const hex = signature.slice('sha256='.length);
    it.each<readonly [string, string | undefined, string?]>([
      ['missing', undefined],
      ['empty', ''],
      ['of other bytes', sign(Buffer.from('{}'), secrets[0])],
      ['by a third secret', sign(Buffer.from(body), 'third-app-secret')],
      ['by an empty secret', sign(Buffer.from(body), '')],
      ['by both secrets as they are configured', sign(Buffer.from(body), secrets.join(','))],
      ['sent twice', `${signature}\r\nX-Hub-Signature-256: ${signature}`],
      ['followed by a wrong one', `${signature}\r\nx-hub-signature-256: sha256=${'0'.repeat(64)}`],
      ['upper case', `sha256=${hex.toUpperCase()}`],
      ['of the form SHA256=', `SHA256=${hex}`],
      ['without its prefix', hex],
      ['too short', signature.slice(0, -1)],
      ['too long', `${signature}0`],
      ['with a space in it', `sha256= ${hex}`],
      ['with a quote around it', `"${signature}"`],
      ['SHA-1 only', undefined, 'X-Hub-Signature'],
      ['in another header', undefined, 'X-Hub-Signature_256'],
    ])('%s', async (...[, value, other]) => {
      const more = other === undefined ? {} : { [other]: signature };
      const answer = await ask(port, webhook(body, { 'X-Hub-Signature-256': value, ...more }));
      expectSilent(answer, 401);
      expect(answer?.headers.connection).toBe('close');
      expect(values()).toEqual([]);
    });

    it('of the body before it was cut', async () => {
      const answer = await ask(port, webhook(body.slice(0, -1), { 'X-Hub-Signature-256': signature }));
      expectSilent(answer, 401);
    });
  });

  describe('answers 404 to', () => {
    const long = 'a'.repeat(8000);
    it.each([
      ...['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY', 'M-SEARCH'].map((method) => [
        `${method} /webhooks/whatsapp`,
      ]),
      ['GET /'],
      ['POST /'],
      ['OPTIONS *'],
      ['GET /webhooks'],
      ['POST /webhooks/whatsapp/'],
      ['POST /webhooks/whatsapp/..'],
      ['POST /webhooks/../webhooks/whatsapp'],
      ['POST /webhooks/whatsapp%00'],
      ['POST /webhooks%2fwhatsapp'],
      ['POST /Webhooks/WhatsApp'],
      ['GET /../../etc/passwd'],
      ['GET /%2e%2e/%2e%2e/etc/passwd'],
      ['GET /metrics'],
      ['GET /__proto__'],
      ['GET /constructor/prototype'],
      [`GET /${long}`],
      [`GET ${'/a'.repeat(4000)}`],
    ])('%s', async (line) => {
      const answer = await ask(port, webhook(body, {}, `${line} HTTP/1.1`));
      expectSilent(answer, 404);
      expect(answer?.headers.connection).toBe('close');
      expect(values()).toEqual([]);
    });

    it('HEAD, without a body', async () => {
      const connection = await RawConnection.open(port);
      connection.send(head('HEAD /webhooks/whatsapp HTTP/1.1', { Host: 'x' }));
      expect((await connection.ended()).map(({ status }) => status)).toEqual([404]);
    });
  });

  describe('answers 400, and ends the connection, to', () => {
    const both = { 'Transfer-Encoding': 'chunked' };
    const valid = head('GET /webhooks/whatsapp HTTP/1.1', { Host: 'x' });
    it.each<[string, Buffer | string]>([
      ['what is no HTTP', 'hello\r\n\r\n'],
      ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])],
      ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['a version nobody knows', 'GET / HTTP/3.7\r\n\r\n'],
      ['a method nobody knows', 'HACK / HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['no host', 'GET /webhooks/whatsapp HTTP/1.1\r\n\r\n'],
      ['a path that is not encoded well', webhook(body, {}, 'POST /%zz HTTP/1.1')],
      ['half a character in the path', webhook(body, {}, 'GET /%c3 HTTP/1.1')],
      ['a NUL in a header', webhook(body, { 'X-A': 'a\0b' })],
      ['a header without a name', webhook(body, { '': 'x' })],
      ['a folded header', webhook(body, { 'X-A': 'a\r\n b' })],
      ['length and chunks at once', webhook(chunked(body), both)],
      ['chunks and length at once', webhook(chunked(body), { ...both, 'content-length': '5' })],
      ['two lengths', webhook(body, { 'content-length': '3' })],
      ['the same length twice', webhook(body, { 'content-length': String(body.length) })],
      ['a list of lengths', webhook(body, { 'Content-Length': '3, 3' })],
      ['a negative length', webhook(body, { 'Content-Length': '-1' })],
      ['a length with a sign', webhook(body, { 'Content-Length': `+${body.length}` })],
      ['a length in hex', webhook(body, { 'Content-Length': '0x10' })],
      ['a length beyond 2^64', webhook(body, { 'Content-Length': '18446744073709551617' })],
      ['a length of nothing', webhook(body, { 'Content-Length': '' })],
      [
        'an encoding that is not chunked last',
        webhook(body, { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked, gzip' }),
      ],
      [
        'an encoding that looks like chunked',
        webhook(body, { 'Content-Length': undefined, 'Transfer-Encoding': 'xchunked' }),
      ],
      [
        'a space before the colon',
        webhook(chunked(body), { 'Content-Length': undefined, 'Transfer-Encoding ': 'chunked' }),
      ],
      [
        'a chunk without a length',
        Buffer.concat([webhook('', { 'Content-Length': undefined, ...both }), Buffer.from('zz\r\nabc')]),
      ],
      [
        'what follows a body that is shorter than it says',
        Buffer.concat([webhook(body), Buffer.from('rest')]),
      ],
      ['what follows a good request', Buffer.concat([valid, Buffer.from('\0\0\0\0')])],
    ])('%s', async (_, bytes) => {
      const connection = (await RawConnection.open(port)).send(bytes);
      const answers = await connection.ended();
      const last = answers.at(-1);
      expectSilent(last, 400);
      expect(last?.headers.connection).toBe('close');
    });

    it('a body that ends before its length', async () => {
      const request = webhook(body);
      const connection = (await RawConnection.open(port)).send(request.subarray(0, -5));
      connection.socket.end();
      const answers = await connection.ended();
      expectSilent(answers[0], 400);
      expect(values()).toEqual([]);
    });
  });

  it('answers 431 to headers beyond 16 KiB, and takes many short ones', async () => {
    expectSilent(await ask(port, webhook(body, { 'X-A': 'a'.repeat(17_000) })), 431);
    const many = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`h${index}`, 'x']));
    expectSilent(await ask(port, webhook(body, many)), 200);
    expectSilent(await ask(port, head(`GET /${'a'.repeat(20_000)} HTTP/1.1`, { Host: 'x' })), 431);
  });

  it('answers 413 to more than 4 MiB: by what is announced, without reading it', async () => {
    for (const length of [4 * MIB + 1, 2 ** 52]) {
      const connection = await RawConnection.open(port);
      connection.send(webhook('', { 'Content-Length': String(length) }));
      expectSilent(await connection.answer(), 413);
      await connection.ended();
    }
  });

  it('answers 413 to more than 4 MiB: by what comes, in chunks, and reads no more', async () => {
    const connection = await RawConnection.open(port);
    const start = webhook('', { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' });
    connection
      .send(start)
      .send(`${(100 * MIB).toString(16)}\r\n`)
      .send(Buffer.alloc(4 * MIB));
    // It is below the limit until one more byte comes.
    connection.send('x');
    expectSilent(await connection.answer(), 413);
    await connection.ended();
    expect(values()).toEqual([]);
  });

  describe("Meta's handshake", () => {
    const query = (parameters: Record<string, string>) =>
      head(`GET /webhooks/whatsapp?${new URLSearchParams(parameters).toString()} HTTP/1.1`, { Host: 'x' });
    const right = { 'hub.mode': 'subscribe', 'hub.verify_token': verifyToken, 'hub.challenge': '1158201444' };

    it('is answered with the challenge and nothing else, whatever the challenge is', async () => {
      for (const challenge of ['1158201444', '<script>"é"\r\nX: y', '__proto__', 'x'.repeat(10_000), '']) {
        const answer = await ask(port, query({ ...right, 'hub.challenge': challenge }));
        expect(answer?.status).toBe(200);
        expect(Buffer.from(answer?.body ?? '', 'latin1').toString()).toBe(challenge);
        expect(answer?.headers['content-type'] ?? 'text/plain').toContain('text/plain');
        expect(answer?.headers).not.toHaveProperty('x');
      }
    });

    const line = (parameters: string) => head(`GET /webhooks/whatsapp?${parameters} HTTP/1.1`, { Host: 'x' });
    const token = encodeURIComponent(verifyToken);
    it.each<[string, Buffer]>([
      ['no parameters', head('GET /webhooks/whatsapp HTTP/1.1', { Host: 'x' })],
      ['a wrong token', query({ ...right, 'hub.verify_token': 'guess' })],
      ['an empty token', query({ ...right, 'hub.verify_token': '' })],
      ['a token in other case', query({ ...right, 'hub.verify_token': verifyToken.toUpperCase() })],
      ['a very long token', query({ ...right, 'hub.verify_token': verifyToken + 'x'.repeat(12_000) })],
      ['another mode', query({ ...right, 'hub.mode': 'unsubscribe' })],
      ['no challenge', line(`hub.mode=subscribe&hub.verify_token=${token}`)],
      [
        'two challenges',
        line(`hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=1&hub.challenge=2`),
      ],
      ['two tokens', line(`hub.mode=subscribe&hub.verify_token=x&hub.verify_token=${token}&hub.challenge=1`)],
      ['two modes', line(`hub.mode=subscribe&hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=1`)],
      ['lists', line(`hub.mode[]=subscribe&hub.verify_token[]=${token}&hub.challenge[]=1`)],
      ['objects', line(`hub[mode]=subscribe&hub[verify_token]=${token}&hub[challenge]=1`)],
      ['underscores', line(`hub_mode=subscribe&hub_verify_token=${token}&hub_challenge=1`)],
      ['a token that is not encoded well', line('hub.mode=subscribe&hub.verify_token=%zz&hub.challenge=%c3')],
    ])('is answered 403 without a word to %s', async (_, request) => {
      expectSilent(await ask(port, request), 403);
    });
  });

  it('keeps no connection open for who is not Meta', async () => {
    const requests = [
      head('GET /webhooks/whatsapp HTTP/1.1', { Host: 'x' }),
      head('GET /webhooks/whatsapp?hub.mode=x HTTP/1.1', { Host: 'x' }),
      webhook(body, { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}` }),
      webhook(body, { 'X-Hub-Signature-256': undefined, Expect: 'a miracle' }),
    ];
    for (const request of requests) await (await RawConnection.open(port)).send(request).ended();
  });
});

describe('a client that is slow', () => {
  it('is cut off a second after its time at the latest, silent, in its headers or in its body, and holds nobody up', async () => {
    const ingestion = await startIngestion();
    const startedAt = performance.now();
    const request = webhook(body);
    const trickle = (bytes: Buffer, connection: RawConnection) => {
      let at = 0;
      const timer = setInterval(() => connection.send(bytes.subarray(at, ++at)), 100);
      connection.socket.once('close', () => clearInterval(timer));
    };
    const inHeaders = await RawConnection.open(ingestion.port);
    trickle(request, inHeaders);
    const inBody = await RawConnection.open(ingestion.port);
    trickle(request.subarray(-body.length), inBody.send(request.subarray(0, -body.length)));
    const inChunks = await RawConnection.open(ingestion.port);
    const start = webhook('', { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' });
    trickle(Buffer.from(chunked(...body.split(/(?=.)/))), inChunks.send(start));
    const silent = await RawConnection.open(ingestion.port);
    expect((await ask(ingestion.port, request))?.status).toBe(200);

    for (const connection of [inHeaders, inBody, inChunks, silent]) {
      const answers = await connection.ended();
      expectSilent(answers[0], 408);
    }
    // The promise is 6 s; the rest is the machine's.
    expect(performance.now() - startedAt).toBeLessThan(8000);
    await ingestion.close();
  });

  it('is cut off after a good request too, when the next one does not come or comes slowly', async () => {
    const ingestion = await startIngestion({ limits: { requestMs: 1000, checkMs: 50, idleMs: 1500 } });
    const idle = (await RawConnection.open(ingestion.port)).send(webhook(body));
    const slow = (await RawConnection.open(ingestion.port)).send(webhook(body));
    await slow.answer();
    slow.send('POST /web');
    expect((await idle.ended()).map(({ status }) => status)).toEqual([200]);
    expect((await slow.ended()).map(({ status }) => status)).toEqual([200, 408]);
    await ingestion.close();
  });

  it('is cut off when it does not read its answers', async () => {
    const ingestion = await startIngestion({ limits: { idleMs: 500 } });
    const deaf = await RawConnection.open(ingestion.port);
    deaf.socket.pause();
    // More answers than the two kernels hold between them.
    const many = Buffer.concat(Array.from({ length: 1000 }, () => webhook('{}')));
    const flood = () => {
      while (!deaf.closed && deaf.socket.write(many));
    };
    deaf.socket.on('drain', flood);
    flood();
    await eventually(() => expect(deaf.closed).toBe(true), 80_000);
    expect((await ask(ingestion.port, webhook(body)))?.status).toBe(200);
    await ingestion.close();
  }, 100_000);
});

describe('too many connections', () => {
  it('are closed and counted, and others are taken again when one has left', async () => {
    const ingestion = await startIngestion({ maxConnections: 2 });
    const before = await counted('talaria_webhook_connections_dropped_total');
    const [one, two] = [await RawConnection.open(ingestion.port), await RawConnection.open(ingestion.port)];
    expect((await two.send(webhook(body)).answer())?.status).toBe(200);
    const third = (await RawConnection.open(ingestion.port)).send(webhook(body));
    expect(await third.ended()).toEqual([]);
    expect(await counted('talaria_webhook_connections_dropped_total')).toBe((before ?? 0) + 1);
    expect((await two.send(webhook(body)).answer(2))?.status).toBe(200);
    one.socket.destroy();
    await eventually(async () => expect((await ask(ingestion.port, webhook(body)))?.status).toBe(200));
    await ingestion.close();
  });
});

describe('the memory that bodies share', () => {
  /** Two large bodies, with what their chunks cost beside, but no third. */
  const limits = { bodiesBytes: 2.2 * MIB, checkMs: 100 };
  const large = JSON.stringify('x'.repeat(MIB - 2));
  /** All of it but the last byte. */
  const open = async (port: number) => {
    const request = webhook(large);
    const connection = await RawConnection.open(port);
    await new Promise((resolve) => connection.socket.write(request.subarray(0, -1), resolve));
    return connection;
  };
  const isFree = (port: number) =>
    eventually(async () => {
      const answers = await Promise.all([1, 2].map(() => ask(port, webhook(large.slice(0, -1000)))));
      expect(answers.map((answer) => answer?.status)).toEqual([200, 200]);
    }, 15_000);

  it('is taken from the largest body that is not whole yet, which is answered 503, and never from a small one', async () => {
    const ingestion = await startIngestion({ limits });
    const strangers = await Promise.all([1, 2, 3].map(() => open(ingestion.port)));
    expectSilent(await Promise.race(strangers.map((one) => one.answer())), 503);
    expectSilent(await ask(ingestion.port, webhook(body)), 200);
    for (const { socket } of strangers) socket.destroy();
    await isFree(ingestion.port);
    await ingestion.close();
  });

  it('is held until the answer, and what comes in the meantime is answered 503', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let written = 0;
    const write = () => (written++, gate);
    const ingestion = await startIngestion({ limits, write });
    const taken = [await open(ingestion.port), await open(ingestion.port)];
    for (const connection of taken) connection.send(large.slice(-1));
    await eventually(() => expect(written).toBe(2));
    expectSilent(await ask(ingestion.port, webhook(JSON.stringify('x'.repeat(300_000)))), 503);
    release();
    for (const connection of taken) expectSilent(await connection.answer(), 200);
    await isFree(ingestion.port);
    await ingestion.close();
  });

  it('is given back by who leaves before the end of the body, and counted', async () => {
    const ingestion = await startIngestion({ limits });
    const before = (await counted('talaria_webhook_requests_total', { result: 'aborted' })) ?? 0;
    for (let round = 0; round < 5; round++) {
      const connection = await open(ingestion.port);
      connection.socket.resetAndDestroy();
    }
    await eventually(async () =>
      expect(await counted('talaria_webhook_requests_total', { result: 'aborted' })).toBe(before + 5),
    );
    await isFree(ingestion.port);
    await ingestion.close();
  });

  it('is given back by who leaves while nothing is answered, with requests behind the first', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let written = 0;
    const write = () => (written++, gate);
    const ingestion = await startIngestion({ limits, write });
    const gone = await RawConnection.open(ingestion.port);
    const accepted = Array.from({ length: 20 }, () => webhook(JSON.stringify('x'.repeat(100_000))));
    gone.send(Buffer.concat(accepted));
    await eventually(() => expect(written).toBe(20));
    gone.socket.resetAndDestroy();
    release();
    await isFree(ingestion.port);
    await ingestion.close();
  });

  it('is charged for what chunks cost beside their bytes', async () => {
    const ingestion = await startIngestion({ limits });
    const chunked = await RawConnection.open(ingestion.port);
    chunked.send(webhook('', { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' }));
    for (let round = 0; round < 20; round++) chunked.send('1\r\nx\r\n'.repeat(500));
    expectSilent(await chunked.answer(), 503);
    await isFree(ingestion.port);
    await ingestion.close();
  });

  it('is given back by a body that was refused', async () => {
    const ingestion = await startIngestion({ limits });
    for (let round = 0; round < 5; round++) {
      const wrong = webhook(large, { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}` });
      expectSilent(await ask(ingestion.port, wrong), 401);
    }
    await isFree(ingestion.port);
    await ingestion.close();
  });
});

describe('records that are not kept', () => {
  it('are answered 503 without a word', async () => {
    const ingestion = await startIngestion({ write: () => Promise.reject(new Error('the disk is full')) });
    expectSilent(await ask(ingestion.port, webhook(body)), 503);
    await ingestion.close();
  });

  it('are answered 503 when one of several is not', async () => {
    let count = 0;
    const write = () => (++count === 2 ? Promise.reject(new Error('no')) : Promise.resolve());
    const ingestion = await startIngestion({ write });
    const three = { entry: [1, 2, 3].map((id) => ({ id, changes: [{ field: 'flows', value: {} }] })) };
    expectSilent(await ask(ingestion.port, webhook(JSON.stringify(three))), 503);
    await ingestion.close();
  });
});
