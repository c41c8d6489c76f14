import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningRedis } from '../redis';
import { Finder, type Store } from './store';

/** The queue that BullMQ makes in it, with the default prefix. */
export const QUEUE = 'webhooks';
const READ_AT_ONCE = 1000;

/** The jobs of the queue. */
export function redisStore({ client, pid }: RunningRedis, signal: AbortSignal): Store {
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
