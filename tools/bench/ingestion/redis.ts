import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Child } from '../../stack/child';
import { freePorts } from '../../stack/ports';
import { repositoryRoot } from '../../stack/repository';
import { type Ground } from './ground';
import { Finder, type Store } from './store';

/** The queue that BullMQ makes in it, with the default prefix. */
export const QUEUE = 'webhooks';
const READ_AT_ONCE = 1000;

/** Why Redis cannot be started here; undefined when it can. */
export function redisProblem(): string | undefined {
  const { error } = spawnSync('redis-server', ['--version']);
  return error && 'there is no redis-server in the PATH; on Debian: apt-get install redis-server';
}

/** A Redis of the benchmark's own that writes as one does where jobs matter: the log of all writes, on disk each second. */
export async function startRedis({ directory, signal, atClose }: Ground) {
  const [port = 0] = await freePorts(1);
  const data = join(directory, 'redis');
  mkdirSync(data, { recursive: true });
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: data,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
  };
  const child = new Child({
    name: 'Redis',
    command: 'redis-server',
    args: Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]),
    cwd: data,
    env: process.env,
    log: join(directory, 'redis.log'),
    pidFile: join(repositoryRoot(), '.talaria/pids', `redis-${port}`),
    stopSignal: 'SIGTERM',
    killSignal: 'SIGKILL',
  });
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  const stop = async () => {
    client.disconnect();
    await child.stop();
  };
  atClose(stop);
  await child.until(() => client.ping());
  return { port, store: redisStore(client, child.pid, signal), stop };
}

function redisStore(client: Redis, pid: number | undefined, signal: AbortSignal): Store {
  return {
    pids: pid === undefined ? undefined : [pid],
    async read(firstItem) {
      const finder = new Finder(firstItem);
      const ids = await client.lrange(`bull:${QUEUE}:wait`, 0, -1);
      for (let at = 0; at < ids.length; at += READ_AT_ONCE) {
        const pipeline = client.pipeline();
        for (const id of ids.slice(at, at + READ_AT_ONCE)) pipeline.hgetBuffer(`bull:${QUEUE}:${id}`, 'data');
        for (const [, data] of (await pipeline.exec()) ?? []) if (Buffer.isBuffer(data)) finder.add(data);
      }
      return finder;
    },
    /** And makes its log short, so that no run pays for what the one before has written. */
    async empty() {
      await client.flushall();
      await client.bgrewriteaof();
      while (/aof_rewrite_(in_progress|scheduled):1/.test(await client.info('persistence')))
        await sleep(20, undefined, { signal });
    },
  };
}
