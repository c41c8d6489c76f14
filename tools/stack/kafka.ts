import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Child, endOfLog } from './child';
import { requireJava } from './toolchain';
import { fetchJars, jarsFolder, makeHalf } from './kafka-jars';
import { type ClientListener, kafkaProperties, type KafkaNode, type KafkaSecurity } from './kafka-properties';
import { freePorts } from './ports';
import { kafkaProblem, leadersProblem } from './reachable';

/** One broker of a cluster that this process started. */
export type Broker = {
  readonly nodeId: number;
  /** host:port; the same for as long as the stack runs. */
  readonly address: string;
  /** For clients with TLS and a user; undefined where the cluster has no security. */
  readonly saslAddress: string | undefined;
  /** For clients with TLS and a certificate of their own; likewise. */
  readonly mtlsAddress: string | undefined;
  /** Undefined while it does not run; another one after each start. */
  readonly pid: number | undefined;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: when it returns nothing answers any more; its connections stay open. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Starts a killed broker again, same port, same data; resolves when it answers clients. */
  start(): Promise<void>;
};

export type Kafka = { readonly brokers: readonly Broker[]; stop(): Promise<void> };

export type KafkaOptions = {
  /** Data and logs are kept here; each broker count has data of its own. */
  readonly directory: string;
  readonly pidFiles: string;
  readonly brokers: 1 | 3;
  readonly say: (line: string) => void;
  readonly env: NodeJS.ProcessEnv;
  /** Only for a cluster whose data are new. */
  readonly security?: KafkaSecurity | undefined;
  readonly clients?: ClientListeners | undefined;
};

/**
 * Clients for each of which every broker has a listener more, so that something can stand between this client and that broker: clients go
 * where a broker tells them to. The client "brokers" is the other brokers.
 */
export type ClientListeners = {
  /** Lower-case letters, digits and dashes. */
  readonly names: readonly string[];
  /** Asked once for each, before the brokers start. @returns the port that leads to `port`, and that the broker tells this client */
  readonly wayTo: (client: string, nodeId: number, port: number) => Promise<number>;
};

/** What starts a JVM of Kafka's in the folder of one node. */
type Jvm = {
  readonly java: string;
  readonly flags: readonly string[];
  readonly classPath: string;
  readonly env: NodeJS.ProcessEnv;
};

const READY_WITHIN_MS = 60_000;
/** After a kill, brokers that answer already may still be reading their logs again. */
const LEADERS_WITHIN_MS = 20_000;
// Little memory and a quick start: made for one machine with everything on it, not for throughput.
const JVM_FLAGS = ['-Xmx400m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:+ExitOnOutOfMemoryError'];
const LOGGING = [
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX",
];

/** Fetches what Kafka needs: Java is looked for, and the jars are downloaded the first time. */
export async function prepareKafka(options: KafkaOptions): Promise<Jvm> {
  const { env, say } = options;
  const jars = jarsFolder();
  const java = requireJava(env, !existsSync(jars));
  await fetchJars(jars, env, () => say('Kafka: fetching its jars from Maven Central (once, 43 MB)'));
  // File names are read in the locale's encoding: in C, a clone below /home/josé could not be opened.
  const jvm = { java, flags: [], classPath: join(jars, '*'), env: { ...env, LC_ALL: 'C.UTF-8' } };
  return { ...jvm, flags: await sharedClasses(jars, jvm, options) };
}

/**
 * The classes of a broker as the JVM keeps them once they are read and verified, beside the jars: with these each start takes half of the
 * CPU. A JVM that is not the one that wrote them goes on without. https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
 */
async function sharedClasses(jars: string, jvm: Jvm, options: KafkaOptions): Promise<string[]> {
  const archive = join(jars, 'classes.jsa');
  if (!existsSync(archive)) {
    options.say('Kafka: keeping its classes for quick starts (once, some seconds)');
    await archiveClasses(archive, jvm, options).catch((error: unknown) => {
      options.say(
        `Kafka: goes on without, and is not asked again until ${archive} is deleted: ${String(error)}`,
      );
      // Appends nothing: what another stack has written meanwhile may be in use.
      writeFileSync(archive, '', { flag: 'a' });
    });
  }
  return statSync(archive).size > 0 ? [`-XX:SharedArchiveFile=${archive}`] : [];
}

/** Starts a broker and ends it. The archive appears complete or not at all. */
async function archiveClasses(archive: string, jvm: Jvm, options: KafkaOptions): Promise<void> {
  const folder = makeHalf(dirname(archive));
  const written = join(folder, 'classes.jsa');
  const [port = 0, controllerPort = 0] = await freePorts(2);
  const alone = { nodeId: 1, port, controllerPort };
  const nodeOf = (flags: readonly string[]) =>
    new Node(alone, [alone], folder, { ...jvm, flags }, { ...options, security: undefined, brokers: 1 });
  try {
    await nodeOf([]).format(keepClusterId(folder));
    const node = nodeOf([`-XX:ArchiveClassesAtExit=${written}`]);
    await node.start();
    await node.stop(READY_WITHIN_MS);
    // A JVM that is given half of one dies.
    const sharing = [...JVM_FLAGS, '-Xshare:on', `-XX:SharedArchiveFile=${written}`];
    const { status } = spawnSync(jvm.java, [...sharing, '-cp', jvm.classPath, '-version'], {
      env: jvm.env,
      stdio: 'ignore',
    });
    if (status !== 0) throw new Error('this JVM wrote no archive of its classes that it can read');
    renameSync(written, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts a cluster on free ports of 127.0.0.1; resolves when every broker answers clients. */
export async function startKafka(jvm: Jvm, options: KafkaOptions): Promise<Kafka> {
  const directory = join(options.directory, String(options.brokers));
  const cluster = await chooseNodes(options);
  const clusterId = keepClusterId(directory);
  const nodes = cluster.map((node) => new Node(node, cluster, directory, jvm, options));
  // In good order the last of three cannot end: what it waits for takes a majority of controllers.
  const withinMs = nodes.length > 1 ? 3_000 : 15_000;
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop(withinMs)));
  };
  try {
    await Promise.all(nodes.map((node) => node.format(clusterId)));
    await Promise.all(nodes.map((node) => node.start()));
    const addresses = nodes.map(({ address }) => address);
    const problem = await leadersProblem(addresses, LEADERS_WITHIN_MS);
    if (problem) options.say(`Kafka: not every partition can be used yet: ${problem}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { brokers: nodes, stop };
}

async function chooseNodes({ brokers, security, clients }: KafkaOptions): Promise<KafkaNode[]> {
  const ports = await freePorts((4 + (clients?.names.length ?? 0)) * brokers);
  const next = () => ports.pop() ?? 0;
  return Promise.all(
    Array.from({ length: brokers }, async (_, index) => {
      const node = { nodeId: index + 1, port: next(), controllerPort: next() };
      return {
        ...node,
        ...(security && { saslPort: next(), mtlsPort: next() }),
        ...(clients && { clients: await listenersFor(clients, node.nodeId, next) }),
      };
    }),
  );
}

function listenersFor(
  { names, wayTo }: ClientListeners,
  nodeId: number,
  nextPort: () => number,
): Promise<ClientListener[]> {
  return Promise.all(
    names.map(async (client) => {
      const listens = nextPort();
      return { client, listens, advertises: await wayTo(client, nodeId, listens) };
    }),
  );
}

/** All nodes of a cluster are formatted with one id, in Kafka's spelling of a uuid. */
function keepClusterId(directory: string): string {
  const file = join(directory, 'cluster-id');
  const kept = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (kept) return kept;
  // The first letter is fixed: a leading "-" would be read as an option.
  const id = `A${randomBytes(16).toString('base64url').slice(1)}`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, id);
  return id;
}

class Node implements Broker {
  readonly nodeId: number;
  readonly address: string;
  readonly saslAddress: string | undefined;
  readonly mtlsAddress: string | undefined;
  private readonly folder: string;
  private readonly log: string;
  private child: Child | undefined;

  constructor(
    node: KafkaNode,
    cluster: readonly KafkaNode[],
    directory: string,
    private readonly jvm: Jvm,
    private readonly options: KafkaOptions,
  ) {
    this.nodeId = node.nodeId;
    this.address = `127.0.0.1:${node.port}`;
    this.saslAddress = node.saslPort === undefined ? undefined : `127.0.0.1:${node.saslPort}`;
    this.mtlsAddress = node.mtlsPort === undefined ? undefined : `127.0.0.1:${node.mtlsPort}`;
    this.folder = join(directory, `node-${node.nodeId}`);
    this.log = join(directory, `node-${node.nodeId}.log`);
    mkdirSync(this.folder, { recursive: true });
    // The ports are new at each start. Paths stay relative: in a properties file a comma or an é would be misread.
    const properties = kafkaProperties(node, cluster, 'data', options.security);
    writeFileSync(join(this.folder, 'server.properties'), properties, { mode: 0o600 });
    if (existsSync(this.log)) renameSync(this.log, `${this.log}.previous`);
  }

  /** Prepares an empty data folder; one that was formatted to the end is left alone. */
  async format(clusterId: string): Promise<void> {
    const data = join(this.folder, 'data');
    if (existsSync(join(data, 'meta.properties'))) return;
    rmSync(data, { recursive: true, force: true });
    const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', 'server.properties'];
    for (const [user, password] of Object.entries(this.options.security?.passwords ?? {}))
      args.push('--add-scram', `SCRAM-SHA-512=[name=${user},password=${password}]`);
    const how = await this.run(`format-${this.nodeId}`, args).ended;
    if (!existsSync(join(data, 'meta.properties'))) {
      throw new Error(
        `The data folder of ${this.name} could not be formatted (${how}).\n${endOfLog(this.log)}`,
      );
    }
  }

  async start(): Promise<void> {
    if (this.child) return;
    const child = this.run(`node-${this.nodeId}`, ['kafka.Kafka', 'server.properties'], (how) => {
      this.child = undefined;
      this.options.say(`${this.name} has ended (${how}); see ${this.log}`);
    });
    this.child = child;
    try {
      const problem = await child.until((signal) => kafkaProblem([this.address], READY_WITHIN_MS, signal));
      if (problem) throw new Error(`${this.name} does not answer: ${problem}.\n${endOfLog(this.log)}`);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async kill(): Promise<void> {
    await this.child?.kill();
    this.child = undefined;
  }

  pause(): void {
    this.child?.freeze();
  }

  resume(): void {
    this.child?.signal('SIGCONT');
  }

  async stop(withinMs: number): Promise<void> {
    await this.child?.stop(withinMs);
    this.child = undefined;
  }

  private get name(): string {
    return `Kafka node ${this.nodeId}`;
  }

  private run(what: string, args: readonly string[], onUnexpectedEnd?: (how: string) => void): Child {
    const { java, flags, classPath, env } = this.jvm;
    return new Child({
      name: this.name,
      command: java,
      args: [...JVM_FLAGS, ...flags, ...LOGGING, '-cp', classPath, ...args],
      cwd: this.folder,
      env,
      log: this.log,
      pidFile: join(this.options.pidFiles, `kafka-${this.options.brokers}-${what}.json`),
      stopSignal: 'SIGTERM',
      killSignal: 'SIGKILL',
      ...(onUnexpectedEnd && { onUnexpectedEnd }),
    });
  }
}
