import { type Logger } from '@talaria/observability';
import { type Kafka } from 'kafkajs';
import metadataRequest from 'kafkajs/src/protocol/requests/metadata/v6/request';
import { decode as decodeMetadata, type Metadata } from 'kafkajs/src/protocol/requests/metadata/v6/response';
import { createKafka } from './create-kafka';
import { type KafkaConfig } from './settings';
import { explained } from './refusals';
import { createSocketSet } from './socket-set';
import { HungError } from './write-faults';

/** Connections to the brokers, over which requests of our own making go. */
export type ConnectedCluster = {
  readonly cluster: Cluster;
  /** The node that led the partition when the cluster was last asked; undefined when it is not known. */
  readonly leaderOf: (topic: string, partition: number) => number | undefined;
  /** Ends the connections at once: what waits for an answer fails. */
  readonly end: () => void;
};

/** kafkajs's cluster: it finds brokers, connects (TLS and SASL included), and keeps the metadata. */
export type Cluster = {
  connect(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  findBroker(node: { nodeId: number }): Promise<Broker>;
  readonly brokerPool: { readonly metadata: Metadata | null; createBroker: (options: object) => Broker };
};
export type Broker = {
  disconnect(): Promise<void>;
  metadata: (topics: readonly string[]) => Promise<Metadata>;
  readonly connectionPool: { send<T>(call: Call<T>): Promise<T> };
};
export type Call<T> = {
  readonly request: object;
  readonly response: {
    readonly decode: (answer: Buffer) => Promise<T>;
    readonly parse: (answer: T) => Promise<T>;
  };
};

/** Enough to find a broker that answers; whoever sends tries for longer, and wants to hear meanwhile that none does. */
const CONNECT_RETRY = { retries: 3, initialRetryTime: 50, maxRetryTime: 500 };
/** What kafkajs may take for anything: longer than to connect (3 s) and to give a request up (5 s), which it does by itself. */
const CALL_MS = 8500;
/**
 * @param topics with the prefix; the only ones whose leaders are known
 * @throws {RefusedError} when Kafka does not let us in; otherwise when no broker answers
 */
export async function connectCluster(
  config: KafkaConfig,
  clientId: string,
  topics: readonly string[],
  logger: Logger,
): Promise<ConnectedCluster> {
  const sockets = createSocketSet();
  const options = { retry: CONNECT_RETRY, socketFactory: sockets.create };
  const cluster = clusterOf(createKafka(config, clientId, logger, options));
  takeAllMetadata(cluster);
  try {
    await inTime(cluster.connect());
    await inTime(cluster.addMultipleTargetTopics(topics));
  } catch (error) {
    sockets.end();
    throw explained(error);
  }
  return { cluster, leaderOf: leadersIn(cluster), end: () => sockets.end() };
}

/**
 * kafkajs can wait for ever: a request of a connection that it is closing, or an authentication that is cut off, is never answered.
 * @throws {HungError}
 */
export async function inTime<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HungError(`Kafka did not answer within ${CALL_MS} ms`)), CALL_MS);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** kafkajs hands it to nobody: its own producer cannot be told which records go into a request. */
function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  if (symbol === undefined)
    throw new Error('this is not kafkajs 2.2.4: it has no private:Kafka:createCluster');
  const create = Reflect.get(kafka, symbol) as (options: Record<string, unknown>) => Cluster;
  return create({ allowAutoTopicCreation: false });
}

/** kafkajs's own parse throws for the first topic or partition that something is wrong with, and nobody hears of the others. */
function takeAllMetadata({ brokerPool }: Cluster): void {
  const { createBroker } = brokerPool;
  brokerPool.createBroker = (options) => {
    const broker = createBroker(options);
    broker.metadata = (topics) => {
      const request = metadataRequest({ topics, allowAutoTopicCreation: false });
      return send(broker, { request, response: { decode: decodeMetadata, parse: asItIs } });
    };
    return broker;
  };
}

/** Sends a request as kafkajs does its own: after a connection that was closed, the next one connects anew. */
export async function send<T>(broker: Broker, call: Call<T>): Promise<T> {
  try {
    return await broker.connectionPool.send(call);
  } catch (error) {
    if ((error as Error).name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
}

export function asItIs<T>(answer: T): Promise<T> {
  return Promise.resolve(answer);
}

function leadersIn(cluster: Cluster): ConnectedCluster['leaderOf'] {
  let known: Metadata | null = null;
  let leaders = new Map<string, number>();
  return (topic, partition) => {
    const { metadata } = cluster.brokerPool;
    if (metadata !== known) {
      known = metadata;
      leaders = new Map(
        metadata?.topicMetadata.flatMap(({ topic: name, partitionMetadata }) =>
          partitionMetadata.map(({ partitionId, leader }) => [`${name}/${partitionId}`, leader] as const),
        ),
      );
    }
    const leader = leaders.get(`${topic}/${partition}`);
    return leader === undefined || leader < 0 ? undefined : leader;
  };
}
