import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { isSigned } from '@talaria/whatsapp';
import { Bits } from './bits';
import { type LoadPlan } from './plan';
import { RequestPool } from './request-pool';
import { percentiles, runLoad } from './run-load';
import { sequenceIn } from './webhook-body';

const SECRET = 'a-secret';
const plan = (port: number, more: Partial<LoadPlan> = {}): LoadPlan => ({
  port,
  itemsPerBody: 1,
  prepare: 50,
  warmUpMs: 0,
  measureMs: 60_000,
  connections: 4,
  loop: { kind: 'closed' },
  watch: { app: [], store: [] },
  ...more,
});

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** With a Content-Length, as servers send that know what they say. */
function answer(response: ServerResponse, status: number, text = ''): void {
  response.statusCode = status;
  response.end(text);
}

describe('the load generator', () => {
  const servers: { close(): unknown }[] = [];
  const listen = (server: Server | ReturnType<typeof createTcpServer>) =>
    new Promise<number>((resolve) => {
      servers.push(server);
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
  const poolOf = (count: number, items = 1) => {
    const pool = new RequestPool(items, count, 0, SECRET);
    pool.fill();
    return pool;
  };

  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  it('sends every prepared request once, signed, and ends when they are used up', async () => {
    const seen: number[] = [];
    const port = await listen(
      createServer((request, response) => {
        void bodyOf(request).then((body) => {
          const isRight = isSigned(body, request.headers['x-hub-signature-256'], [SECRET]);
          seen.push(sequenceIn(body)!);
          answer(response, isRight ? 200 : 401);
        });
      }),
    );

    const report = await runLoad(plan(port), poolOf(50));

    expect(report).toMatchObject({
      statuses: { 200: 50 },
      exhausted: true,
      connectionErrors: 0,
      unanswered: 0,
    });
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect([...Bits.from(report.acknowledged).values()]).toEqual(seen);
  });

  it('reads answers that come in pieces', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
    const port = await listen(
      createTcpServer({ noDelay: true }, (socket) => {
        socket.on('data', () => {
          const pieces = [answer.slice(0, 12), answer.slice(12, 36), answer.slice(36, 40), answer.slice(40)];
          pieces.forEach((piece, index) => setTimeout(() => socket.write(piece), index * 5));
        });
      }),
    );

    const report = await runLoad(plan(port), poolOf(8));

    expect(report).toMatchObject({ statuses: { 200: 8 }, connectionErrors: 0, unanswered: 0 });
  });

  it('counts other answers by their status and takes none of them for an acknowledgement', async () => {
    let count = 0;
    const port = await listen(
      createServer((request, response) => {
        request.resume().on('end', () => answer(response, ++count % 2 ? 503 : 200, 'words'));
      }),
    );

    const report = await runLoad(plan(port, { connections: 1 }), poolOf(10));

    expect(report.statuses).toEqual({ 200: 5, 503: 5 });
    expect([...Bits.from(report.acknowledged).values()]).toEqual([1, 3, 5, 7, 9]);
  });

  it('counts broken connections, and goes on with new ones', async () => {
    let count = 0;
    const port = await listen(
      createServer((request, response) => {
        request.resume().on('end', () => {
          if (++count === 3) request.socket.resetAndDestroy();
          else answer(response, 200);
        });
      }),
    );

    const report = await runLoad(plan(port, { connections: 1 }), poolOf(10));

    expect(report).toMatchObject({ statuses: { 200: 9 }, connectionErrors: 1, unanswered: 0 });
    expect(Bits.from(report.acknowledged).has(2)).toBe(false);
  });

  it('open loop: keeps its schedule while answers are late, and counts from when a request was due', async () => {
    const held: (() => void)[] = [];
    const port = await listen(
      createServer((request, response) => {
        // The first answer waits for the twentieth request; with one connection nothing could come before it.
        request.resume().on('end', () => {
          held.push(() => answer(response, 200));
          if (held.length >= 20) held.splice(0).forEach((release) => release());
        });
      }),
    );
    const loop = { kind: 'open', perSecond: 200 } as const;

    const report = await runLoad(plan(port, { loop, measureMs: 200, connections: 100 }), poolOf(1));

    expect(report).toMatchObject({ statuses: { 200: 40 }, unanswered: 0 });
    // Twenty requests come in 95 ms, so the first of them waited for about as long.
    expect(report.latencyMs.max).toBeGreaterThan(60);
  });
});

describe('percentiles', () => {
  it('are values of the list, by their rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentiles(values)).toEqual({ p50: 50, p95: 95, p99: 99, max: 100 });
  });
});
