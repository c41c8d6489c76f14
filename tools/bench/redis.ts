import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Child } from '../stack/child';
import { freePorts } from '../stack/ports';
import { repositoryRoot } from '../stack/repository';
import { type Ground } from './ground';

/** When what is written is on disk: within a second, or before it is answered. */
export type Appendfsync = 'everysec' | 'always';

export type RunningRedis = {
  readonly port: number;
  /** Undefined: it is not known. */
  readonly pid: number | undefined;
  /** A connection of the benchmark's own. */
  readonly client: Redis;
  stop(): Promise<void>;
};

/** Why Redis cannot be started here; undefined when it can. */
export function redisProblem(): string | undefined {
  const { error } = spawnSync('redis-server', ['--version']);
  return error && 'there is no redis-server in the PATH; on Debian: apt-get install redis-server';
}

/** A Redis of the benchmark's own that writes as one does where jobs matter: the log of all writes. Ended with the ground at the latest. */
export async function startRedis(
  { directory, atClose }: Pick<Ground, 'directory' | 'atClose'>,
  appendfsync: Appendfsync,
): Promise<RunningRedis> {
  const [port = 0] = await freePorts(1);
  const data = join(directory, `redis-${port}`);
  mkdirSync(data, { recursive: true });
  const settings = { port, bind: '127.0.0.1', dir: data, appendonly: 'yes', appendfsync, save: '' };
  const child = new Child({
    name: 'Redis',
    command: 'redis-server',
    args: Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]),
    cwd: data,
    env: process.env,
    log: join(directory, `redis-${port}.log`),
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
  return { port, pid: child.pid, client, stop };
}
