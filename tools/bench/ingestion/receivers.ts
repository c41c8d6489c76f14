import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { topics } from '@talaria/contracts';
import { type AppProcess } from '../../platform/app-process';
import { freePorts } from '../../stack/ports';
import { type Ground as BenchGround } from '../ground';
import { type Appendfsync, redisProblem, startRedis } from '../redis';
import { type Ground } from './ground';
import { QUEUE, redisStore } from './redis-store';
import { kafkaStore, type Store } from './store';

/** A server that receives webhooks, running. */
export type Receiver = {
  readonly name: string;
  readonly server: AppProcess;
  /** Undefined: it drops what it receives. */
  readonly store: Store | undefined;
  stop(): Promise<void>;
};

export type ReceiverName = 'ceiling' | 'sketch' | 'bullmq' | 'bullmq-always' | 'nest-express' | 'talaria';

/** Each starts its receiver; undefined when this machine has not what it needs, which has then been said. */
export const receivers: Readonly<Record<ReceiverName, (ground: Ground) => Promise<Receiver | undefined>>> = {
  ceiling: async (ground) => running('ceiling', await start(ground, 'ceiling', {}), undefined),
  sketch: (ground) => startOnTopic(ground, 'sketch'),
  bullmq: (ground) => startBullmq(ground, 'bullmq', 'everysec'),
  'bullmq-always': (ground) => startBullmq(ground, 'bullmq-always', 'always'),
  'nest-express': (ground) => startOnTopic(ground, 'nest-express'),
  talaria: (ground) => startTalaria(ground),
};

/** The real thing: the ingestion process. */
export async function startTalaria(
  ground: BenchGround,
  env: Readonly<Record<string, string>> = {},
): Promise<TalariaReceiver> {
  const { config, admin, kafkaPids, directory } = ground;
  const [metricsPort = 0] = await freePorts(1);
  const server = await ground.startServer('ingestion', 'apps/ingestion/src/main.js', {
    METRICS_PORT: String(metricsPort),
    DATABASE_URL: '',
    WHATSAPP_VERIFY_TOKEN: 'bench-verify-token',
    SPOOL_DIR: join(directory, `spool-${randomUUID()}`),
    SHUTDOWN_DELAY: '0s',
    ...env,
  });
  const store = kafkaStore(config, admin, config.KAFKA_PREFIX + topics.webhooks.name, kafkaPids);
  return {
    ...running('talaria', server, store),
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    store,
  };
}

export type TalariaReceiver = Receiver & { readonly metricsUrl: string; readonly store: Store };

async function startOnTopic(ground: Ground, name: 'sketch' | 'nest-express'): Promise<Receiver> {
  const { config, admin, kafkaPids } = ground;
  const topic = config.KAFKA_PREFIX + name;
  await ground.createTopic(name);
  const server = await start(ground, name, { TOPIC: topic, KAFKAJS_NO_PARTITIONER_WARNING: '1' });
  return running(name, server, kafkaStore(config, admin, topic, kafkaPids));
}

async function startBullmq(
  ground: Ground,
  name: ReceiverName,
  appendfsync: Appendfsync,
): Promise<Receiver | undefined> {
  const problem = redisProblem();
  if (problem !== undefined) {
    ground.say(`${name} is left out: ${problem}`);
    return undefined;
  }
  const redis = await startRedis(ground, appendfsync);
  const env = { REDIS_PORT: String(redis.port), QUEUE };
  const server = await ground.startServer(name, 'tools/bench/ingestion/servers/bullmq.js', env);
  return running(name, server, redisStore(redis, ground.signal), () => redis.stop());
}

function start(ground: Ground, name: string, env: Readonly<Record<string, string>>): Promise<AppProcess> {
  return ground.startServer(name, `tools/bench/ingestion/servers/${name}.js`, env);
}

function running(
  name: string,
  server: AppProcess,
  store: Store | undefined,
  andThen: () => Promise<void> = () => Promise.resolve(),
): Receiver {
  return {
    name,
    server,
    store,
    async stop() {
      const how = await server.stop();
      if (how !== 'exit code 0')
        throw new Error(`${name} did not end cleanly (${how}); see ${server.logFile}`);
      await andThen();
    },
  };
}
