import { type Logger } from '@talaria/observability';
import { type Kafka } from 'kafkajs';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import metadataRequest from 'kafkajs/src/protocol/requests/metadata/v6/request';
import { decode as decodeMetadata, type Metadata } from 'kafkajs/src/protocol/requests/metadata/v6/response';
import { decode, type ProduceAnswer } from 'kafkajs/src/protocol/requests/produce/v7/response';
import { createKafka } from './create-kafka';
import { encodeProduce, type PartitionBatch } from './encode-produce';
import { type KafkaConfig } from './settings';
import { createSocketSet } from './socket-set';
import { GapError, HungError } from './write-faults';

/** What became of one partition's batch: where its first record lies, or why it was not written. */
export type PartitionOutcome = { readonly offset: number } | { readonly error: Error };

/**
 * Connections to the brokers that may be given up while others still send through them. What kafkajs leaves unanswered is a {@link HungError} after
 * 8.5 s: then this client is of no use any more.
 */
export type ProduceClient = {
  /**
   * How many partitions a topic had when the cluster was last asked.
   * @throws Kafka's error when it knows none
   */
  readonly countPartitions: (topic: string) => number;
  /** The node that led the partition when the cluster was last asked; undefined when it is not known. */
  readonly leaderOf: (topic: string, partition: number) => number | undefined;
  /**
   * Sends one request to one node, and reads its answer partition by partition: a partition that the answer does not speak of was not written.
   * @throws when there was no answer; the records may be written all the same
   */
  readonly produce: (leader: number, batches: readonly PartitionBatch[]) => Promise<PartitionOutcome[]>;
  /** Asks the cluster again who leads what. Partitions without a leader, and topics that are gone, do not keep the others from being known. */
  readonly refresh: () => Promise<void>;
  /** Ends the connections, at once or when the last request under way has ended. */
  readonly retire: () => void;
};

/** kafkajs's cluster: it finds brokers, connects (TLS and SASL included), and keeps the metadata. */
type Cluster = {
  connect(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  findBroker(node: { nodeId: number }): Promise<Broker>;
  readonly brokerPool: { readonly metadata: Metadata | null; createBroker: (options: object) => Broker };
};
type Broker = {
  disconnect(): Promise<void>;
  metadata: (topics: readonly string[]) => Promise<Metadata>;
  readonly connectionPool: { send<T>(call: Call<T>): Promise<T> };
};
type Call<T> = {
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
/** How long the broker waits for its replicas. */
const ACK_WITHIN_MS = 3000;

/**
 * @param topics with the prefix; the only ones that may be sent to
 * @throws when no broker answers
 */
export async function connectProduceClient(
  config: KafkaConfig,
  clientId: string,
  topics: readonly string[],
  logger: Logger,
): Promise<ProduceClient> {
  const sockets = createSocketSet();
  const options = { retry: CONNECT_RETRY, socketFactory: sockets.create };
  const cluster = clusterOf(createKafka(config, clientId, logger, options));
  takeAllMetadata(cluster);
  try {
    await inTime(cluster.connect());
    await inTime(cluster.addMultipleTargetTopics(topics));
  } catch (error) {
    sockets.end();
    throw error;
  }
  let sending = 0;
  let retired = false;

  async function produce(leader: number, batches: readonly PartitionBatch[]): Promise<PartitionOutcome[]> {
    const broker = await inTime(cluster.findBroker({ nodeId: leader }));
    return readAnswer(batches, await inTime(send(broker, produceCall(batches))));
  }

  return {
    countPartitions: (topic) => countPartitions(cluster, topic),
    leaderOf: leadersIn(cluster),
    async produce(leader, batches) {
      sending++;
      try {
        return await produce(leader, batches);
      } finally {
        sending--;
        if (retired && sending === 0) sockets.end();
      }
    },
    refresh: () => inTime(cluster.refreshMetadata()),
    retire() {
      retired = true;
      if (sending === 0) sockets.end();
    },
  };
}

/**
 * kafkajs can wait for ever: a request of a connection that it is closing, or an authentication that is cut off, is never answered.
 * @throws {HungError}
 */
async function inTime<T>(call: Promise<T>): Promise<T> {
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

/** As kafkajs's own requests do: after a connection that was closed, the next one connects anew. */
async function send<T>(broker: Broker, call: Call<T>): Promise<T> {
  try {
    return await broker.connectionPool.send(call);
  } catch (error) {
    if ((error as Error).name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
}

function asItIs<T>(answer: T): Promise<T> {
  return Promise.resolve(answer);
}

function countPartitions({ brokerPool }: Cluster, topic: string): number {
  const found = brokerPool.metadata?.topicMetadata.find((one) => one.topic === topic);
  if (found === undefined) throw new Error(`the cluster says nothing of topic ${topic}`);
  if (found.topicErrorCode !== 0) throw createErrorFromCode(found.topicErrorCode);
  return found.partitionMetadata.length;
}

function leadersIn(cluster: Cluster): ProduceClient['leaderOf'] {
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

function produceCall(batches: readonly PartitionBatch[]): Call<ProduceAnswer> {
  return {
    request: {
      apiKey: 0,
      apiVersion: 7,
      apiName: 'Produce',
      encode: () => {
        const buffer = encodeProduce(batches, ACK_WITHIN_MS, Date.now());
        return Promise.resolve({ buf: buffer, buffer });
      },
    },
    // kafkajs's own parse throws for the first partition that failed, and says nothing of the others.
    response: { decode, parse: asItIs },
  };
}

function readAnswer(batches: readonly PartitionBatch[], { topics }: ProduceAnswer): PartitionOutcome[] {
  return batches.map(({ topic, partition }) => {
    const said = topics
      .filter(({ topicName }) => topicName === topic)
      .flatMap(({ partitions }) => partitions.filter((one) => one.partition === partition));
    const [one] = said;
    if (one === undefined || said.length > 1)
      return { error: new GapError(`no answer for partition ${partition}`) };
    if (one.errorCode !== 0) return { error: createErrorFromCode(one.errorCode) };
    return { offset: Number(one.baseOffset) };
  });
}
