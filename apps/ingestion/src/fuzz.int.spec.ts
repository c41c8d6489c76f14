import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { headers, topics } from '@talaria/contracts';
import { sign } from '@talaria/whatsapp';
import fc from 'fast-check';
import { ask, RawConnection } from '../testing/raw-connection';
import { secrets, startIngestion, webhook } from '../testing/test-ingestion';

/** Of each run of all tests; more by hand: TALARIA_FUZZ_BODIES=100000. */
const BODIES = Number(process.env.TALARIA_FUZZ_BODIES ?? 30_000);
const BODIES_EACH = 50;
const REQUESTS = 3000;
const REQUESTS_EACH = 250;

/** Our own bodies and, where their folder is named, the recorded ones; as bytes seen as characters. */
const folders = ['test/fixtures/webhooks', process.env.TALARIA_WEBHOOK_FIXTURES ?? ''].filter(
  (folder) => folder !== '',
);
const seeds = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      const json = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, unknown>;
      return Array.isArray(json.entry) ? [json] : Object.values(json);
    })
    .map((json) => JSON.stringify(json))
    .map((text) => Buffer.from(text).toString('latin1')),
);

const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);
const updates = (count: number, item: string) =>
  `{"entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[${`${item},`.repeat(count)}${item}]}}]}]}`;

/** Rare, because it takes long. */
const huge = fc.oneof(
  fc.integer({ min: 1000, max: 100_000 }).map((depth) => nested(depth, '[', ']')),
  fc.integer({ min: 1000, max: 100_000 }).map((depth) => nested(depth, '{"a":', '}').replace(':}', ':1}')),
  fc.integer({ min: 1000, max: 50_000 }).map((width) => `[${'{},'.repeat(width)}{}]`),
  fc.integer({ min: 1000, max: 20_000 }).map((width) => `{${'"messages":[],'.repeat(width)}"messages":[1]}`),
  fc.integer({ min: 1000, max: 1_000_000 }).map((length) => `"${'x'.repeat(length)}"`),
  fc.integer({ min: 1, max: 1000 }).map((count) => updates(count, '{"id":"a","from":"15550001111"}')),
);
const value = fc.oneof(
  {
    weight: 600,
    arbitrary: fc.constantFrom(
      ...[
        'null',
        'true',
        '0',
        '-0',
        '""',
        '[]',
        '{}',
        '[[]]',
        '[{}]',
        '[null]',
        '"\\u0000"',
        '"\\ud800"',
        '"\\"',
      ],
      ...[
        '9007199254740993',
        '123456789012345678901234567890.5',
        '1e999',
        '"\xc3\xa9"',
        '"\xff\xfe"',
        '"\xed\xa0\x80"',
      ],
      ...[
        '{"__proto__":1}',
        '{"a":1,"a":2}',
        '[{"messages":[{}],"statuses":[{}]}]',
        '{"wa_id":{},"user_id":[]}',
      ],
      ...[
        '{"messages":[1,2,{}],"contacts":[{"wa_id":"1"},3],"metadata":[]}',
        '[{"field":1,"value":{"statuses":[[],0]}}]',
      ],
    ),
  },
  { weight: 1, arbitrary: huge },
);
const key = fc.constantFrom(
  ...[
    'entry',
    'changes',
    'value',
    'field',
    'messages',
    'statuses',
    'message_echoes',
    'user_preferences',
    'contacts',
  ],
  ...['metadata', 'phone_number_id', 'id', 'wa_id', 'from', 'm\\u0065ssages', '\\u0000', '\\ud800', ''],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'length'],
);
const bytes = fc.constantFrom(
  ...'{}[]:,"\\ \t\n0-.eE+tfn'.split(/(?=.)/s),
  ...[
    '\0',
    '\x1f',
    '\x7f',
    '\x80',
    '\xff',
    '\xc3',
    '\xe2\x80',
    '\xf0\x9f\x98\x80',
    '\xed\xa0\x80',
    '\xef\xbb\xbf',
    '\\u',
    '\\ud83d',
  ],
);

type Change = (text: string) => string;
const put = (text: string, start: number, end: number, some: string) =>
  text.slice(0, start) + some + text.slice(end);
/** A place anywhere, at the same fraction of any text. */
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const tokens = /"(?:[^"\\]|\\.)*"\s*:|"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[[{]/g;

/** Changes a token of a kind: what was JSON stays JSON, mostly. */
const atToken = (
  pattern: RegExp,
  some: fc.Arbitrary<string>,
  write: (token: string, some: string) => string,
) =>
  fc.tuple(place, some).map(([where, one]): Change => (text) => {
    const found = [...text.matchAll(tokens)].filter(([token]) => pattern.test(token));
    const match = found[Math.floor(where * found.length)];
    if (match === undefined) return text;
    return put(text, match.index, match.index + match[0].length, write(match[0], one));
  });
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: atToken(/[^:[{]$/, value, (_, some) => some) },
  { weight: 2, arbitrary: atToken(/:$/, key, (_, name) => `"${name}":`) },
  {
    weight: 2,
    arbitrary: atToken(
      /:$/,
      fc.tuple(key, value).map(([name, some]) => `"${name}":${some},`),
      (token, some) => some + token,
    ),
  },
  { weight: 1, arbitrary: atToken(/:$/, value, (token, some) => `${token}${some},${token}`) },
  { weight: 1, arbitrary: atToken(/^\[$/, value, (_, some) => `[${some},`) },
  { weight: 1, arbitrary: atToken(/^\{$/, key, (_, name) => `{"${name}":{},`) },
  {
    weight: 1,
    arbitrary: fc.tuple(place, bytes).map(
      ([where, some]): Change =>
        (text) =>
          put(text, where * text.length, where * text.length, some),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, fc.nat(255)).map(([where, mask]): Change => (text) => {
      const at = Math.floor(where * text.length);
      return put(text, at, at + 1, String.fromCharCode(text.charCodeAt(at) ^ mask));
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, fc.nat(20)).map(([where, length]): Change => (text) => {
      const at = Math.floor(where * text.length);
      return put(text, at, at + length, '');
    }),
  },
  {
    weight: 1,
    arbitrary: place.map(
      (where): Change =>
        (text) =>
          text.slice(0, where * text.length),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Change>(
      (text) => text + text,
      (text) => `\xef\xbb\xbf${text}`,
      (text) => ` \r\n${text}\t`,
    ),
  },
);
const body = fc
  .tuple(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 4 }))
  .map(([seed, changes]) =>
    Buffer.from(changes.reduce((text, apply) => apply(text), seed).slice(0, 4 * 1024 ** 2), 'latin1'),
  );

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

/** As `expect`, which is too slow for this many. */
function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not true: ${what}`);
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

// Jest itself fails a test when a promise is rejected and nobody handles it.
describe('whatever a signed body is', () => {
  it(`it is answered 200 and kept: as items when it is JSON, as one dead letter when not, ${BODIES} times, in the same memory`, async () => {
    const ingestion = await startIngestion();
    const { records } = ingestion;
    const server = ingestion.app.getHttpAdapter().getInstance();
    const seen = { json: 0, others: 0 };
    const deliver = async (payload: Buffer) => {
      const { statusCode, body: answer } = await server.inject({
        method: 'POST',
        url: '/webhooks/whatsapp',
        headers: { 'x-hub-signature-256': sign(payload, secrets[0]) },
        payload,
      });
      const kept = records.splice(0);
      must(statusCode === 200 && answer === '', `it is answered ${statusCode} ${answer}`);
      const values = kept.map((record) => Buffer.from(record.value ?? ''));
      if (isJson(payload)) {
        seen.json++;
        must(kept.length > 0 && values.every(isJson), 'each item is JSON');
        must(
          kept.every(({ topic }) => topic === topics.webhooks.name),
          'items are webhooks',
        );
        must(kept.at(-1)?.headers?.[headers.itemCount] === String(kept.length), 'all items are kept');
      } else {
        seen.others++;
        const [letter, ...more] = values;
        must(kept[0]?.topic === topics.webhooksDlq.name && more.length === 0, 'it is one dead letter');
        must(letter?.equals(payload) === true, 'the dead letter is the body');
      }
    };
    let runs = 0;
    let heapBefore = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(body, { minLength: BODIES_EACH, maxLength: BODIES_EACH }), async (some) => {
        for (const one of some) await deliver(one);
        if (++runs === BODIES / BODIES_EACH / 10) heapBefore = heapAfterCollection();
      }),
      { numRuns: BODIES / BODIES_EACH },
    );
    const heapAfter = heapAfterCollection();
    await ingestion.close();
    // Both kinds are there, each by the thousand.
    expect(seen.json).toBeGreaterThan(BODIES / 10);
    expect(seen.others).toBeGreaterThan(BODIES / 10);
    expect(heapAfter).toBeLessThan(heapBefore * 1.5);
  }, 300_000);
});

/** Of requests: method, path, version, framing, signature, all of them now and then wrong. */
const request = fc
  .record({
    method: fc.constantFrom(
      'POST',
      'POST',
      'POST',
      'GET',
      'HEAD',
      'PUT',
      'OPTIONS',
      'TRACE',
      'CONNECT',
      'post',
      '',
    ),
    path: fc.oneof(
      { weight: 6, arbitrary: fc.constant('/webhooks/whatsapp') },
      fc.constantFrom(
        '/metrics',
        '*',
        '/..',
        '/%',
        '/%ff',
        '//',
        '/webhooks/whatsapp?a[]=1&__proto__=2',
        'x:1',
        '',
      ),
      fc.webPath({ size: 'large' }),
      fc.string({ unit: 'binary' }),
    ),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'http/1.1', ''),
    headers: fc.dictionary(
      fc.constantFrom(
        ...[
          'Content-Type',
          'Content-Length',
          'content-length',
          'Transfer-Encoding',
          'Host',
          'Connection',
          'Expect',
        ],
        ...[
          'X-Hub-Signature-256',
          'x-hub-signature-256',
          'Upgrade',
          'Content-Encoding',
          'Cookie',
          'traceparent',
          '__proto__',
        ],
      ),
      fc.oneof(
        fc.constantFrom<(string | undefined)[]>(
          ...[
            undefined,
            '',
            '0',
            '1',
            '-1',
            '10000000',
            'chunked',
            'gzip, chunked',
            'close',
            'keep-alive',
            'upgrade',
          ],
          ...[
            'websocket',
            'h2c',
            '100-continue',
            'application/json',
            `sha256=${'0'.repeat(64)}`,
            'a'.repeat(20_000),
          ],
        ),
        fc.string({ unit: 'binary' }),
      ),
      { maxKeys: 3 },
    ),
    changes: fc.oneof(
      { weight: 2, arbitrary: fc.constant<Change[]>([]) },
      fc.array(change, { maxLength: 2 }),
    ),
    seed: fc.constantFrom(...seeds),
  })
  .map(({ method, path, version, headers: some, changes, seed }) => {
    const text = webhook(Buffer.from(seed, 'latin1'), some, `${method} ${path} ${version}`).toString(
      'latin1',
    );
    return Buffer.from(
      changes.reduce((bytesSoFar, apply) => apply(bytesSoFar), text),
      'latin1',
    );
  });

const tooLarge = webhook('{}', { 'Content-Length': '10000000' });

describe('whatever a request is', () => {
  it(`it is never answered 5xx, and the next good one is answered 200, ${REQUESTS} times`, async () => {
    const ingestion = await startIngestion({ limits: { requestMs: 100, checkMs: 25, idleMs: 150 } });
    const { port } = ingestion;
    const seen = new Map<number | undefined, number>();
    const deliver = async (bytesToSend: Buffer) => {
      const answers = await (await RawConnection.open(port)).send(bytesToSend).ended();
      for (const { status, body: answer } of answers) {
        if (answer !== '' && !answer.startsWith('{"status":"ok"'))
          throw new Error(`an answer with a body: ${answer}`);
        expect([200, 400, 401, 403, 404, 408, 413, 431]).toContain(status);
      }
      const last = answers.at(-1)?.status;
      seen.set(last, (seen.get(last) ?? 0) + 1);
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { minLength: REQUESTS_EACH, maxLength: REQUESTS_EACH }),
        async (some) => {
          await Promise.all(some.map(deliver));
          const answer = async () => (await ask(port, webhook('{}')))?.status;
          const first = await answer();
          // One that the machine itself has brought too late is asked once more.
          expect(first === 408 ? await answer() : first).toBe(200);
        },
      ),
      // Chance alone may leave out the larger than allowed.
      { numRuns: REQUESTS / REQUESTS_EACH, examples: [[[tooLarge]]] },
    );
    await ingestion.close();
    expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 400, 401, 404, 408, 413, 431]));
  }, 120_000);
});
