import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { eventually } from '../../setup/eventually';
import { type Link, type LinkFault, openLink, placeOf, urlBy } from './link';

const KiB = 1024;

/** Says again whatever it hears, and keeps it. */
async function startEcho() {
  const sockets: Socket[] = [];
  const heard: string[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => heard.push(bytes.toString('latin1')));
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const place = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  return { place, sockets, server, heard: () => heard.join('') };
}

/** Somebody who talks by the link; `end` is how it ended, `FIN` or the code of an error. */
function dial(link: Link) {
  const socket = connect({ ...placeOf(`tcp://${link.address}`), allowHalfOpen: true });
  const chunks: Buffer[] = [];
  const client = {
    socket,
    end: undefined as string | undefined,
    bytes: () => Buffer.concat(chunks),
    heard: () => client.bytes().toString('latin1'),
    say: (text: string) => socket.write(text),
    hears: (text: string) => eventually(() => expect(client.heard()).toBe(text)),
    endsWith: (how: string) => eventually(() => expect(client.end).toBe(how)),
  };
  socket.on('data', (bytes) => chunks.push(bytes));
  socket.on('end', () => (client.end ??= 'FIN'));
  socket.on('error', (error: NodeJS.ErrnoException) => (client.end ??= error.code));
  return client;
}

/** More than a system's buffers take: what it has not taken counts as `writableLength`. */
function shout({ socket }: ReturnType<typeof dial>): Buffer {
  const chunks = Array.from({ length: 512 }, (_, index) => Buffer.alloc(64 * KiB, index));
  for (const chunk of chunks) socket.write(chunk);
  return Buffer.concat(chunks);
}

describe('a link', () => {
  let echo: Awaited<ReturnType<typeof startEcho>>;
  let link: Link;
  const clients: Socket[] = [];
  const call = () => {
    const client = dial(link);
    clients.push(client.socket);
    return client;
  };
  /** One that is known to reach the server. */
  const callThrough = async () => {
    const client = call();
    client.say('a');
    await client.hears('a');
    return client;
  };

  beforeEach(async () => {
    echo = await startEcho();
    link = await openLink({ name: 'a/b', port: 0, to: echo.place });
  });

  afterEach(async () => {
    for (const socket of clients.splice(0)) socket.destroy();
    await link.close();
    for (const socket of echo.sockets) socket.destroy();
    echo.server.close();
  });

  it('passes on bytes, ends and resets, from both sides', async () => {
    const ending = await callThrough();
    ending.socket.end('b');
    await ending.hears('ab');
    await ending.endsWith('FIN');
    await eventually(() => expect(link.connections()).toBe(0));

    const reset = await callThrough();
    expect(link.connections()).toBe(1);
    echo.sockets[1]?.resetAndDestroy();
    await reset.endsWith('ECONNRESET');

    const resetting = await callThrough();
    resetting.socket.resetAndDestroy();
    await eventually(() => expect(echo.sockets[2]?.errored).toMatchObject({ code: 'ECONNRESET' }));
    await eventually(() => expect(link.connections()).toBe(0));
  });

  it('to a server that is not there resets whoever calls', async () => {
    echo.server.close();
    await call().endsWith('ECONNRESET');
    expect(link.connections()).toBe(0);
  });

  it('is named in a URL in place of the server', () => {
    const { port } = placeOf(`tcp://${link.address}`);
    expect(urlBy(link, 'postgres://me:secret@localhost:5432/db?sslmode=disable')).toBe(
      `postgres://me:secret@127.0.0.1:${port}/db?sslmode=disable`,
    );
  });

  it('with latency is late in each direction, not once for each chunk; healed, it delivers what waited at once', async () => {
    const client = await callThrough();
    link.hurt({ kind: 'latency', ms: 300, jitterMs: 10 });
    const from = Date.now();
    for (const letter of 'bcdefgh') {
      client.say(letter);
      await sleep(20);
    }
    await client.hears('abcdefgh');
    expect(Date.now() - from).toBeGreaterThanOrEqual(600);
    // One after the other they would take 7 × 2 × 300 ms.
    expect(Date.now() - from).toBeLessThan(4200);

    link.hurt({ kind: 'latency', ms: 60_000, jitterMs: 0 });
    client.say('i');
    await sleep(50);
    client.say('j');
    await sleep(50);
    expect(client.heard()).toBe('abcdefgh');
    link.heal();
    await client.hears('abcdefghij');
  });

  it('that is slow keeps its bandwidth, makes the sender wait, and delivers all when it is healed', async () => {
    const client = await callThrough();
    link.hurt({ kind: 'slow', bytesPerSecond: 100 * KiB });
    const from = Date.now();
    client.say('b'.repeat(50 * KiB));
    await eventually(() => expect(client.bytes().length).toBe(50 * KiB + 1));
    expect(Date.now() - from).toBeGreaterThanOrEqual(450);

    link.hurt({ kind: 'slow', bytesPerSecond: KiB });
    const much = shout(client);
    await sleep(300);
    expect(client.socket.writableLength).toBeGreaterThan(much.length / 2);
    link.heal();
    await eventually(() => expect(client.bytes().length).toBe(50 * KiB + 1 + much.length));
    expect(
      client
        .bytes()
        .subarray(50 * KiB + 1)
        .equals(much),
    ).toBe(true);
  });

  it('makes a sender wait for who does not read', async () => {
    const client = await callThrough();
    client.socket.pause();
    const much = shout(client);
    client.socket.end();
    await sleep(300);
    expect(client.socket.writableLength).toBeGreaterThan(much.length / 2);
    client.socket.resume();
    await client.endsWith('FIN');
    expect(client.bytes().subarray(1).equals(much)).toBe(true);
  });

  it('that is cut ends connections and refuses new ones, also when it is healed and cut again in a moment', async () => {
    const before = await callThrough();
    link.hurt({ kind: 'cut' });
    await before.endsWith('FIN');
    expect(link.connections()).toBe(0);
    await call().endsWith('ECONNREFUSED');

    const outcome = async () => {
      const client = call();
      client.say('b');
      return eventually(() => {
        const heard = client.end ?? client.heard();
        expect(heard).not.toBe('');
        return heard;
      });
    };
    for (let time = 0; time < 3; time++) {
      link.heal();
      link.hurt({ kind: 'cut' });
    }
    await eventually(async () => expect(await outcome()).toBe('ECONNREFUSED'));
    link.heal();
    await eventually(async () => expect(await outcome()).toBe('b'));
  });

  it('takes its port again when somebody had it while it was cut', async () => {
    link.hurt({ kind: 'cut' });
    const { port } = placeOf(`tcp://${link.address}`);
    const squatter = createServer((socket) => socket.destroy());
    const squat = () =>
      new Promise<void>((resolve, reject) => {
        squatter.once('error', reject).listen(port, '127.0.0.1', resolve);
      });
    await eventually(squat);
    link.heal();
    await call().endsWith('FIN');
    squatter.close();
    await eventually(async () => {
      const client = call();
      client.say('b');
      await eventually(() => expect(client.end ?? client.heard()).toBe('b'), 200);
    });
  });

  it('that is reset resets those that are there, once', async () => {
    const before = await callThrough();
    link.hurt({ kind: 'reset' });
    await before.endsWith('ECONNRESET');
    await eventually(() => expect(echo.sockets[0]?.destroyed).toBe(true));
    await callThrough();
  });

  it('half open to the server lets nothing arrive there, and new calls neither; who lived in it is dead for good', async () => {
    const before = await callThrough();
    link.hurt({ kind: 'half-open', direction: 'to-server' });
    const during = call();
    before.say('lost');
    during.say('lost');
    echo.sockets[0]?.write('b');
    await before.hears('ab');
    await eventually(() => expect(link.connections()).toBe(2));
    link.heal();
    before.say('lost');
    during.say('lost');
    await callThrough();
    echo.sockets[0]?.write('c');
    await before.hears('abc');
    expect([echo.heard(), echo.sockets.length]).toEqual(['aa', 2]);
    expect([before.end, during.end, during.heard()]).toEqual([undefined, undefined, '']);
    before.socket.end();
    const [server] = echo.sockets;
    await eventually(() => expect(before.socket.writableFinished).toBe(true));
    await callThrough();
    expect([server?.readableEnded, before.end]).toEqual([false, undefined]);
  });

  it('half open to the client lets requests arrive, and no answer', async () => {
    const before = await callThrough();
    link.hurt({ kind: 'half-open', direction: 'to-client' });
    const during = call();
    during.say('b');
    before.say('c');
    await eventually(() => expect(echo.heard()).toMatch(/^a(bc|cb)$/));
    for (const socket of echo.sockets) socket.resetAndDestroy();
    link.heal();
    await callThrough();
    expect([before.heard(), before.end]).toEqual(['a', undefined]);
    expect([during.heard(), during.end]).toEqual(['', undefined]);
  });

  it('half open in both directions forgets what was on its way', async () => {
    const client = await callThrough();
    link.hurt({ kind: 'latency', ms: 60_000, jitterMs: 0 });
    client.say('lost');
    await sleep(50);
    link.hurt({ kind: 'half-open', direction: 'both' });
    link.heal();
    await callThrough();
    expect([client.heard(), client.end, echo.heard()]).toEqual(['a', undefined, 'aa']);
  });

  it('changes no byte and no order, whatever faults come and go', async () => {
    const fault: fc.Arbitrary<LinkFault | undefined> = fc.oneof(
      fc.record({ kind: fc.constant('latency' as const), ms: fc.nat(15), jitterMs: fc.nat(15) }),
      fc.record({
        kind: fc.constant('slow' as const),
        bytesPerSecond: fc.integer({ min: 1, max: 1_000_000 }),
      }),
      fc.constant(undefined),
    );
    const step = fc.record({
      fault,
      bytes: fc.uint8Array({ maxLength: 2000 }),
      times: fc.integer({ min: 1, max: 100 }),
      pauseMs: fc.nat(15),
    });
    const steps = fc.array(step, { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const client = call();
        const said: Buffer[] = [];
        for (const { fault, bytes, times, pauseMs } of plan) {
          if (fault) link.hurt(fault);
          else link.heal();
          for (let time = 0; time < times; time++) {
            said.push(Buffer.from(bytes));
            client.socket.write(bytes);
          }
          await sleep(pauseMs);
        }
        client.socket.end();
        await sleep(15);
        link.heal();
        await client.endsWith('FIN');
        expect(client.bytes().equals(Buffer.concat(said))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });
});
