import { type JobsOptions, Queue, type QueueOptions } from 'bullmq';
import { type AppProcess } from '../../platform/app-process';
import { type Clocks } from '../clocks';
import { cpuMsOf } from '../cpu-time';
import { redisProblem, startRedis } from '../redis';
import { type Post, postOf } from './bare';
import { type Sender } from './commands';
import { type Site } from './site';
import { usageOf } from './usage';

/** What the process is told. */
export type WorkerOrder = {
  /** Of Meta's stand-in. */
  readonly url: string;
  readonly redisPort: number;
  readonly connections: number;
  readonly queues: readonly WorkerQueue[];
};

type WorkerQueue = {
  readonly name: string;
  readonly concurrency: number;
  readonly limiter?: { readonly max: number; readonly duration: number };
};

/** BullMQ as its users write it, on a Redis of its own. */
export type BullmqSite = {
  /** Puts one command of each sender in turn into its queue. Resolves when Redis has all. @returns the number of the first */
  publish(senders: readonly Sender[], count: number): Promise<number>;
  /** The worker of these queues, ready. */
  start(): Promise<AppProcess>;
  /** CPU and SQL time as of the dispatcher, with Redis in the place of Kafka and Postgres. */
  usage(pid: number | undefined): Promise<Clocks>;
  /** How many jobs are still to be done. */
  countOpen(): Promise<number>;
  /** How many have failed for good. */
  countFailed(): Promise<number>;
};

/** As a queue for what must arrive is set up: three attempts, and no heap of what is done. */
const jobOptions: JobsOptions = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: true,
};
const ADDED_AT_ONCE = 1000;
const SECOND_MS = 1000;

/** Limits: each number has a queue and a limiter of so many a second. None: one queue for all, and as many calls at once as the dispatcher has. */
export type BullmqLimits = { readonly perSecond: number } | undefined;

const AT_ONCE = { unlimited: 512, ofANumber: 50 };

/** @returns undefined when this machine has no Redis, which has then been said */
export async function openBullmq(
  site: Site,
  senders: readonly Sender[],
  limits: BullmqLimits,
): Promise<BullmqSite | undefined> {
  const { ground, simulator, simulatorPid } = site;
  const problem = redisProblem();
  if (problem !== undefined) {
    ground.say(`bullmq is left out: ${problem}`);
    return undefined;
  }
  const redis = await startRedis(ground, 'everysec');
  const options: QueueOptions = {
    connection: { host: '127.0.0.1', port: redis.port },
    defaultJobOptions: jobOptions,
  };
  const queueOf = ({ phoneNumberId }: Sender) => (limits ? phoneNumberId : 'outbound');
  const names = [...new Set(senders.map(queueOf))];
  const queues = new Map(names.map((name) => [name, new Queue<Post>(name, options)]));
  ground.atClose(async () => {
    for (const queue of queues.values()) await queue.close();
  });

  const order: WorkerOrder = {
    ...{ url: simulator.url, redisPort: redis.port, connections: AT_ONCE.unlimited },
    queues: names.map((name) => ({
      name,
      concurrency: limits ? AT_ONCE.ofANumber : AT_ONCE.unlimited,
      ...(limits && { limiter: { max: limits.perSecond, duration: SECOND_MS } }),
    })),
  };

  async function countIn(count: (queue: Queue) => Promise<number>): Promise<number> {
    const counts = await Promise.all([...queues.values()].map(count));
    return counts.reduce((sum, one) => sum + one, 0);
  }

  return {
    async publish(to, count) {
      const first = site.take(count);
      for (let done = 0; done < count; done += ADDED_AT_ONCE) {
        ground.signal.throwIfAborted();
        const jobs = Array.from({ length: Math.min(ADDED_AT_ONCE, count - done) }, (_, place) => {
          const sender = to[(done + place) % to.length];
          if (sender === undefined) throw new Error('there is nobody to send it');
          const index = first + done + place;
          // The id keeps a job that is added twice from being sent twice, as long as it is known.
          const opts = { jobId: `command-${index}` };
          return { queue: queueOf(sender), job: { name: 'send', data: postOf(index, sender), opts } };
        });
        const addTo = (name: string) =>
          queues.get(name)?.addBulk(jobs.filter(({ queue }) => queue === name).map(({ job }) => job));
        for (const name of names) await addTo(name);
      }
      return first;
    },
    start: () =>
      ground.startServer('bullmq', 'tools/bench/dispatcher/bullmq-main.js', { ORDER: JSON.stringify(order) }),
    async usage(pid) {
      const { app, machine } = await usageOf(site, pid);
      return {
        ...{ app, redis: redis.pid === undefined ? undefined : cpuMsOf([redis.pid]) },
        ...{ simulator: cpuMsOf([simulatorPid]), machine },
      };
    },
    countOpen: () => countIn(async (queue) => (await queue.count()) + (await queue.getActiveCount())),
    countFailed: () => countIn((queue) => queue.getFailedCount()),
  };
}
