import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvironment } from '@talaria/config';
import { topics } from '@talaria/contracts';
import { type User } from '@talaria/database';
import { createKafka, kafkaSettings } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { generateKey } from '@talaria/registry';
import { prepareDatabase, prepareTopics } from '../setup/prepare';
import { freePorts } from '../stack/ports';
import { repositoryRoot } from '../stack/repository';
import { AppProcess } from './app-process';
import { createDatabase, createRoles, dropDatabase, dropRoles } from './database';
import { keysOf, type NewNumber, registerNumbers, replaceToken } from './register';
import { Simulator } from './simulator';

export const appNames = ['simulator', 'ingestion', 'processor', 'dispatcher'] as const;
export type AppName = (typeof appNames)[number];
export type Workload = Exclude<AppName, 'simulator'>;

export type PlatformOptions = {
  /** Tells this installation from others on the same servers: letters, digits and dashes. */
  readonly name: string;
  readonly kafkaBrokers: string;
  /** Of a user who may create databases and roles. */
  readonly databaseUrl: string;
  /** Settings beyond those that make the parts find each other. */
  readonly env?: Readonly<Partial<Record<AppName, Readonly<Record<string, string>>>>>;
  /** By which address a process reaches a server; its own when left out. */
  readonly wayTo?: (process: string, server: Server, address: string) => Promise<string>;
  readonly say?: (line: string) => void;
  /** Where logs, pid files and the spool go; default `.talaria/logs/<name>`, `.talaria/pids` and `.talaria/spool/<name>`. */
  readonly directories?: PlatformDirectories;
  /** Called when a process ends though nobody asked it to. */
  readonly onUnexpectedEnd?: (name: string, how: string) => void;
};

export type PlatformDirectories = {
  readonly logDirectory: string;
  readonly pidDirectory: string;
  readonly spoolDirectory: string;
};

/** An address is a list of brokers, or a URL. */
export type Server = 'kafka' | 'postgres' | 'simulator';

/** All of Talaria and a stand-in for Meta, as processes, on topics and a database of their own. */
export type Platform = {
  readonly apps: Readonly<Record<AppName, AppProcess>>;
  readonly simulator: Simulator;
  readonly kafkaBrokers: string;
  readonly kafkaPrefix: string;
  /** Of the owner of the tables; each app has a role of its own. */
  readonly databaseUrl: string;
  readonly databaseUrls: Readonly<Record<User, string>>;
  /** Its `SECRETS_KEYS`: seals and opens what is in its registry. */
  readonly secretsKeys: string;
  readonly webhookUrl: string;
  readonly metricsUrls: Readonly<Record<Workload, string>>;
  /** Makes a business number known to Meta's stand-in and to the dispatcher. */
  addNumber(number: NewNumber): Promise<void>;
  /** The registry has another token for these numbers; what Meta's stand-in takes stays as it is. */
  replaceToken(phoneNumberIds: readonly string[], accessToken: string): Promise<void>;
  /** One more process of an app, as the first but for its ports, its spool and these variables; it ends with the platform. */
  addAnother(app: Workload, name: string, env?: Readonly<Record<string, string>>): Promise<AppProcess>;
  /** A process of another program, with a dispatcher's rights in the database, started with these variables and ended with the platform. */
  addProcess(name: string, script: string, env: Readonly<Record<string, string>>): Promise<AppProcess>;
  /** SIGTERM for every process, then topics, database and spool are dropped. @returns how each process ended */
  stop(): Promise<Readonly<Record<string, string>>>;
};

export const appSecret = 'demo-app-secret';
export const verifyToken = 'demo-verify-token';

export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { name, kafkaBrokers, say = () => undefined } = options;
  const root = repositoryRoot();
  const kafkaPrefix = `${name}.`;
  const databaseUrl = await createDatabase(options.databaseUrl, `talaria_${name.replaceAll('-', '_')}`);
  const kafkaConfig = readEnvironment(kafkaSettings, {
    KAFKA_BROKERS: kafkaBrokers,
    KAFKA_PREFIX: kafkaPrefix,
  });
  await Promise.all([prepareDatabase(databaseUrl), prepareTopics(kafkaConfig)]);
  const databaseUrls = await createRoles(databaseUrl);

  const ports = await freePorts(appNames.length * 2);
  const port = (app: AppName, kind: 'http' | 'metrics') =>
    String(ports[appNames.indexOf(app) * 2 + (kind === 'http' ? 0 : 1)]);
  const url = (app: AppName) => `http://127.0.0.1:${port(app, 'http')}`;
  const webhookUrl = `${url('ingestion')}/webhooks/whatsapp`;
  const directories = options.directories ?? {
    logDirectory: join(root, '.talaria/logs', name),
    pidDirectory: join(root, '.talaria/pids'),
    spoolDirectory: join(root, '.talaria/spool', name),
  };
  const { onUnexpectedEnd } = options;
  const secretsKeys = generateKey();
  const keys = keysOf(secretsKeys);
  const common = { KAFKA_PREFIX: kafkaPrefix, SECRETS_KEYS: secretsKeys, SECRETS_KEYS_FILE: '' };
  const { wayTo = (_process: string, _server: Server, address: string) => Promise.resolve(address) } =
    options;
  const reach = async (process: string, user: User): Promise<Record<string, string>> => ({
    KAFKA_BROKERS: await wayTo(process, 'kafka', kafkaBrokers),
    DATABASE_URL: await wayTo(process, 'postgres', databaseUrls[user]),
    ...(user === 'dispatcher' && { GRAPH_API_URL: await wayTo(process, 'simulator', url('simulator')) }),
  });
  const ofApp: Record<AppName, Record<string, string>> = {
    simulator: { WEBHOOK_URL: webhookUrl, WHATSAPP_APP_SECRET: appSecret, METRICS_PORT: '' },
    ingestion: {
      WHATSAPP_APP_SECRET: appSecret,
      WHATSAPP_VERIFY_TOKEN: verifyToken,
      SPOOL_DIR: directories.spoolDirectory,
      SHUTDOWN_DELAY: '0s',
    },
    processor: {},
    dispatcher: {},
  };
  const processOf = async (
    app: AppName,
    name: string,
    [httpPort = 0, metricsPort = 0]: readonly number[],
    own: Readonly<Record<string, string>>,
  ) => {
    const env = {
      ...process.env,
      ...common,
      ...(app !== 'simulator' && (await reach(name, app))),
      HTTP_PORT: String(httpPort),
      METRICS_PORT: String(metricsPort),
      ...ofApp[app],
      ...options.env?.[app],
      ...own,
    };
    const script = join(root, `dist/apps/${app}/src/main.js`);
    return new AppProcess({
      ...{ name, script, httpPort, env, ...directories },
      ...(onUnexpectedEnd && { onUnexpectedEnd }),
    });
  };
  const firstOf = (app: AppName) =>
    processOf(app, app, [Number(port(app, 'http')), Number(port(app, 'metrics'))], {});
  const apps = {
    simulator: await firstOf('simulator'),
    ingestion: await firstOf('ingestion'),
    processor: await firstOf('processor'),
    dispatcher: await firstOf('dispatcher'),
  };
  const spools = [directories.spoolDirectory];
  const processes: AppProcess[] = Object.values(apps);
  const simulator = new Simulator(url('simulator'));

  async function stop(): Promise<Record<string, string>> {
    const ends: Record<string, string> = {};
    // Those who send before those who answer them.
    for (const one of [
      ...processes.slice(appNames.length),
      apps.dispatcher,
      apps.ingestion,
      apps.processor,
      apps.simulator,
    ]) {
      ends[one.name] = await one.stop();
    }
    await dropTopics(kafkaConfig);
    await dropDatabase(options.databaseUrl, databaseUrl);
    await dropRoles(options.databaseUrl, databaseUrl);
    for (const spool of spools) rmSync(spool, { recursive: true, force: true });
    return ends;
  }

  try {
    await Promise.all(
      processes.map(async (app) => {
        await app.start();
        say(`${app.name} is up`);
      }),
    );
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    apps,
    simulator,
    kafkaBrokers,
    kafkaPrefix,
    databaseUrl,
    databaseUrls,
    secretsKeys,
    webhookUrl,
    metricsUrls: {
      ingestion: `http://127.0.0.1:${port('ingestion', 'metrics')}/metrics`,
      processor: `http://127.0.0.1:${port('processor', 'metrics')}/metrics`,
      dispatcher: `http://127.0.0.1:${port('dispatcher', 'metrics')}/metrics`,
    },
    async addNumber(number) {
      const { pausedUntil: _, ...known } = number;
      await simulator.putNumber(known);
      await registerNumbers(databaseUrl, keys, [number]);
    },
    replaceToken: (phoneNumberIds, accessToken) =>
      replaceToken(databaseUrl, keys, phoneNumberIds, accessToken),
    async addAnother(app, processName, env = {}) {
      const spool = `${directories.spoolDirectory}-${processName}`;
      const another = await processOf(app, processName, await freePorts(2), { SPOOL_DIR: spool, ...env });
      await another.start().catch(async (error: unknown) => {
        await another.kill();
        throw error;
      });
      if (app === 'ingestion') spools.push(spool);
      processes.push(another);
      return another;
    },
    async addProcess(processName, script, env) {
      const [httpPort = 0] = await freePorts(1);
      const app = new AppProcess({
        name: processName,
        script: join(root, script),
        httpPort,
        ...directories,
        ...(onUnexpectedEnd && { onUnexpectedEnd }),
        env: {
          ...process.env,
          ...common,
          ...(await reach(processName, 'dispatcher')),
          HTTP_PORT: String(httpPort),
          ...env,
        },
      });
      await app.start();
      processes.push(app);
      return app;
    },
    stop,
  };
}

async function dropTopics(config: Parameters<typeof createKafka>[0]): Promise<void> {
  const admin = createKafka(config, 'talaria.platform', createLogger('platform', 'silent')).admin();
  await admin.connect();
  try {
    await admin.deleteTopics({
      topics: Object.values(topics).map((topic) => config.KAFKA_PREFIX + topic.name),
    });
  } finally {
    await admin.disconnect();
  }
}
