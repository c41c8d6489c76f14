import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { isSigned } from '@talaria/whatsapp';
import { startInboundLoad } from './load';
import { type InboundBody } from './plan';

const SECRET = 'load-app-secret';
const bodyOf = (sender: number, body: string, at = 0): InboundBody => ({ at, sender, body, items: [] });

type Post = { readonly body: string; readonly isSigned: boolean };
/** The status of an answer; undefined cuts the connection. */
type Answer = (body: string, posts: readonly Post[]) => number | undefined;

describe('the load of inbound webhooks', () => {
  const servers: Server[] = [];

  async function aReceiver(answer: Answer) {
    const posts: Post[] = [];
    const server = createServer((request, response) => {
      void request.toArray().then((parts) => {
        const body = Buffer.concat(parts as Buffer[]);
        const signature = request.headers['x-hub-signature-256'];
        posts.push({ body: String(body), isSigned: isSigned(body, signature, [SECRET]) });
        const status = answer(String(body), posts);
        if (status === undefined) request.socket.destroy();
        else response.writeHead(status).end();
      });
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`, posts };
  }

  const start = (plan: readonly InboundBody[], urls: readonly string[], appSecret = () => SECRET) =>
    startInboundLoad(plan, { urls, appSecret, startedAt: Date.now() });

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    }
  });

  it('posts the same bytes, signed anew, until they are answered 200, and each sender one body after another', async () => {
    const answers = [503, undefined, 500, 200];
    const receiver = await aReceiver((body, posts) =>
      body === 'a' ? answers[posts.filter((post) => post.body === 'a').length - 1] : 200,
    );
    const secrets = ['an older secret', SECRET, SECRET, SECRET, SECRET];
    const load = start([bodyOf(0, 'a'), bodyOf(0, 'b', 1)], [receiver.url], () => secrets.shift() ?? '');
    await load.ended;
    expect(receiver.posts.map(({ body }) => body)).toEqual(['a', 'a', 'a', 'a', 'b']);
    expect(receiver.posts.map((post) => post.isSigned)).toEqual([false, true, true, true, true]);
    expect(load.history).toMatchObject([
      {
        answers: { 503: 1, 500: 1, 200: 1 },
        failures: 1,
        tried: [receiver.url],
        acknowledgedBy: receiver.url,
      },
      { answers: { 200: 1 }, failures: 0 },
    ]);
    const [a, b] = load.history;
    expect(b?.firstAt).toBeGreaterThanOrEqual(a?.acknowledgedAt ?? Infinity);
    expect(a?.slowestMs).toBeGreaterThan(0);
  });

  it('lets no sender wait for another, and turns to the next receiver where one does not take a body', async () => {
    const [full, fine] = [await aReceiver(() => 503), await aReceiver(() => 200)];
    const load = start([bodyOf(0, 'a'), bodyOf(1, 'b')], [full.url, fine.url]);
    await load.ended;
    expect(load.history[0]).toMatchObject({ tried: [full.url, fine.url], acknowledgedBy: fine.url });
    expect(load.history[1]).toMatchObject({ tried: [fine.url], acknowledgedBy: fine.url });
  });

  it('gives up, when it is stopped, what is not taken in time, and begins nothing more', async () => {
    const receiver = await aReceiver(() => 503);
    const load = start([bodyOf(0, 'a'), bodyOf(0, 'b'), bodyOf(1, 'c', 60_000)], [receiver.url]);
    while (receiver.posts.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await load.stop(100);
    expect(load.history[0]).toMatchObject({ acknowledgedAt: undefined, acknowledgedBy: undefined });
    expect(load.history[0]?.firstAt).toBeDefined();
    expect(load.history.slice(1)).toMatchObject([{ firstAt: undefined }, { firstAt: undefined, tried: [] }]);
  });
});
