import { type Logger } from '@talaria/observability';
import { type Kafka } from 'kafkajs';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import { decode, type ProduceAnswer } from 'kafkajs/src/protocol/requests/produce/v7/response';
import { createKafka } from './create-kafka';
import { encodeProduce, type PartitionBatch } from './encode-produce';
import { type KafkaConfig } from './settings';
import { GapError } from './write-faults';

/** What became of one partition's batch: where its first record lies, or why it was not written. */
export type PartitionOutcome = { readonly offset: number } | { readonly error: Error };

/** Connections to the brokers that may be given up while others still send through them. */
export type ProduceClient = {
  /** The node that led the partition when the cluster was last asked; undefined when it is not known. */
  readonly leaderOf: (topic: string, partition: number) => number | undefined;
  /**
   * Sends one request to one node, and reads its answer partition by partition: a partition that the answer does not speak of was not written.
   * @throws when there was no answer; the records may be written all the same
   */
  readonly produce: (leader: number, batches: readonly PartitionBatch[]) => Promise<PartitionOutcome[]>;
  /** Asks the cluster again who leads what. */
  readonly refresh: () => Promise<void>;
  /**
   * Disconnects, at once or when the last request under way has ended: kafkajs may connect again for one that finds its connection closed, and nobody
   * would ever close that.
   */
  readonly retire: () => Promise<void>;
};

/** kafkajs's cluster: it finds brokers, connects (TLS and SASL included), and keeps the metadata. */
type Cluster = {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findBroker(node: { nodeId: number }): Promise<Broker>;
  readonly brokerPool: { readonly metadata: Metadata | null };
};
type Metadata = {
  readonly topicMetadata: readonly {
    readonly topic: string;
    readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
  }[];
};
type Broker = {
  disconnect(): Promise<void>;
  readonly connectionPool: { send(call: ProduceCall): Promise<ProduceAnswer> };
};
type ProduceCall = {
  readonly request: {
    readonly apiKey: 0;
    readonly apiVersion: 7;
    readonly apiName: 'Produce';
    readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  readonly response: {
    readonly decode: typeof decode;
    readonly parse: (answer: ProduceAnswer) => Promise<ProduceAnswer>;
  };
};

/** Enough to find a broker that answers; whoever sends tries for longer, and wants to hear meanwhile that none does. */
const CONNECT_RETRY = { retries: 3, initialRetryTime: 50, maxRetryTime: 500 };
const METADATA_MAX_AGE_MS = 60_000;
/** How long the broker waits for its replicas. */
const ACK_WITHIN_MS = 3000;

/** @param topics with the prefix; the only ones that may be sent to */
export async function connectProduceClient(
  config: KafkaConfig,
  clientId: string,
  topics: readonly string[],
  logger: Logger,
): Promise<ProduceClient> {
  const cluster = clusterOf(createKafka(config, clientId, logger, CONNECT_RETRY));
  try {
    await cluster.connect();
    await cluster.addMultipleTargetTopics(topics);
  } catch (error) {
    await cluster.disconnect().catch(() => undefined);
    throw error;
  }
  const leaderOf = leadersIn(cluster);
  let sending = 0;
  let retired = false;

  async function produce(leader: number, batches: readonly PartitionBatch[]): Promise<PartitionOutcome[]> {
    // Beside, not before: one partition without a leader makes it fail, and must not stop the others.
    void cluster.refreshMetadataIfNecessary().catch(() => undefined);
    const broker = await cluster.findBroker({ nodeId: leader });
    try {
      return readAnswer(batches, await broker.connectionPool.send(callOf(batches)));
    } catch (error) {
      // As kafkajs's own requests do: the next one then connects anew.
      if ((error as Error).name === 'KafkaJSConnectionClosedError') await broker.disconnect();
      throw error;
    }
  }

  return {
    leaderOf,
    async produce(leader, batches) {
      sending++;
      try {
        return await produce(leader, batches);
      } finally {
        sending--;
        if (retired && sending === 0) void cluster.disconnect().catch(() => undefined);
      }
    },
    refresh: () => cluster.refreshMetadata(),
    async retire() {
      retired = true;
      if (sending === 0) await cluster.disconnect().catch(() => undefined);
    },
  };
}

/** kafkajs hands it to nobody: its own producer cannot be told which records go into a request. */
function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  if (symbol === undefined)
    throw new Error('this is not kafkajs 2.2.4: it has no private:Kafka:createCluster');
  const create = Reflect.get(kafka, symbol) as (options: Record<string, unknown>) => Cluster;
  return create({ allowAutoTopicCreation: false, metadataMaxAge: METADATA_MAX_AGE_MS });
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

function callOf(batches: readonly PartitionBatch[]): ProduceCall {
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
    response: { decode, parse: (answer) => Promise.resolve(answer) },
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
