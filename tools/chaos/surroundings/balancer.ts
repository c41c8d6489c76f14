import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { type AppProcess } from '../../platform/app-process';

/** What became of a request that was not answered 200. */
export type Refusal = { readonly at: number; readonly by: string; readonly why: string };

export type Balancer = {
  readonly url: string;
  /** Of every request so far. */
  readonly refusals: readonly Refusal[];
  answered(): number;
  /** How many it passes requests to now. */
  ready(): number;
  /** How many requests each has answered, by its name. */
  readonly byName: ReadonlyMap<string, number>;
  add(app: AppProcess): void;
  close(): Promise<void>;
};

type Look = { readonly at: number; readonly isReady: boolean };
type Backend = { readonly app: AppProcess; readonly pool: Pool; readonly looks: Look[] };

const LOOK_EVERY_MS = 200;
/** What a cluster needs from a process that is not ready any more to the last balancer that has heard of it. */
const HEARD_AFTER_MS = 500;
/** An answer that takes longer is none, and one that is older than this when it is heard is not trusted: whatever the machine has to do, nobody is sent to who was asked longer ago than both. */
const FRESH_MS = 700;
/** How long a request may wait for somebody who is ready. */
const WAIT_MS = 5000;

/**
 * A load balancer as it stands before a Kubernetes service: passes requests on, in turn, to those that were ready a while ago, over
 * connections that it keeps. It tries nothing again, so that whatever its backends refuse, or cut off, is seen.
 * @param urlOf by which it reaches one, such as a link's; whether it is ready it is asked directly, as an orchestrator on its machine does
 */
export async function startBalancer(urlOf = (app: AppProcess) => app.url): Promise<Balancer> {
  const backends: Backend[] = [];
  const refusals: Refusal[] = [];
  const byName = new Map<string, number>();
  let turn = 0;
  let isClosed = false;

  const server = createServer((request, response) => {
    void pass(request).then((status) => response.writeHead(status, { 'content-length': 0 }).end());
  });
  // Whoever sends decides when a connection ends.
  server.keepAliveTimeout = 65_000;

  async function pass(request: IncomingMessage): Promise<number> {
    const body = Buffer.concat((await request.toArray()) as Buffer[]);
    const until = Date.now() + WAIT_MS;
    while (ready().length === 0 && Date.now() < until) await sleep(20);
    const backend = ready()[turn++ % ready().length];
    if (backend === undefined) return refuse('balancer', 'nobody is ready', 503);
    const { app, pool } = backend;
    const { connection: _, host: __, 'content-length': ___, ...headers } = request.headers;
    try {
      const answer = await pool.request({
        ...{ path: request.url ?? '/', method: 'POST', headers, body },
      });
      await answer.body.dump();
      byName.set(app.name, (byName.get(app.name) ?? 0) + 1);
      return answer.statusCode === 200
        ? 200
        : refuse(app.name, `status ${answer.statusCode}`, answer.statusCode);
    } catch (error) {
      return refuse(app.name, String(error), 502);
    }
  }

  function refuse(by: string, why: string, status: number): number {
    refusals.push({ at: Date.now(), by, why });
    return status;
  }

  function ready(): Backend[] {
    const heard = Date.now() - HEARD_AFTER_MS;
    return backends.filter(({ looks }) => {
      const last = looks.findLast(({ at }) => at <= heard);
      return last?.isReady === true && last.at > heard - FRESH_MS;
    });
  }

  async function keepLooking({ app, looks }: Backend): Promise<void> {
    while (!isClosed) {
      const at = Date.now();
      const answer = fetch(`${app.healthUrl}/ready`, { signal: AbortSignal.timeout(FRESH_MS) });
      const isReady = await answer.then(
        ({ ok }) => ok,
        () => false,
      );
      looks.push({ at, isReady });
      looks.splice(0, looks.length - 50);
      await sleep(LOOK_EVERY_MS);
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refusals,
    byName,
    answered: () => [...byName.values()].reduce((sum, count) => sum + count, 0),
    ready: () => ready().length,
    add(app) {
      const backend = { app, pool: new Pool(urlOf(app), { connections: 32 }), looks: [] };
      backends.push(backend);
      void keepLooking(backend);
    },
    async close() {
      isClosed = true;
      server.close();
      server.closeAllConnections();
      await Promise.all(backends.map(({ pool }) => pool.destroy()));
    },
  };
}
