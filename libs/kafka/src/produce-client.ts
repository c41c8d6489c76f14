import { type Logger } from '@talaria/observability';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import { decode, type ProduceAnswer } from 'kafkajs/src/protocol/requests/produce/v7/response';
import { asItIs, type Call, type Cluster, connectCluster, inTime, send } from './cluster';
import { encodeProduce, type PartitionBatch } from './encode-produce';
import { type KafkaConfig } from './settings';
import { GapError } from './write-faults';

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
  /** Kafka's error for the topic when the cluster was last asked: it is gone, or this user may not see it. Undefined when it has none. */
  readonly topicFault: (topic: string) => Error | undefined;
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
  const { cluster, leaderOf, end } = await connectCluster(config, clientId, topics, logger);
  let sending = 0;
  let retired = false;

  async function produce(leader: number, batches: readonly PartitionBatch[]): Promise<PartitionOutcome[]> {
    const broker = await inTime(cluster.findBroker({ nodeId: leader }));
    return readAnswer(batches, await inTime(send(broker, produceCall(batches))));
  }

  return {
    countPartitions: (topic) => countPartitions(cluster, topic),
    topicFault: (topic) => faultIn(topicIn(cluster, topic)),
    leaderOf,
    async produce(leader, batches) {
      sending++;
      try {
        return await produce(leader, batches);
      } finally {
        sending--;
        if (retired && sending === 0) end();
      }
    },
    refresh: () => inTime(cluster.refreshMetadata()),
    retire() {
      retired = true;
      if (sending === 0) end();
    },
  };
}

function countPartitions(cluster: Cluster, topic: string): number {
  const found = topicIn(cluster, topic);
  if (found === undefined) throw new Error(`the cluster says nothing of topic ${topic}`);
  const fault = faultIn(found);
  if (fault !== undefined) throw fault;
  return found.partitionMetadata.length;
}

function topicIn({ brokerPool }: Cluster, topic: string) {
  return brokerPool.metadata?.topicMetadata.find((one) => one.topic === topic);
}

function faultIn(found: ReturnType<typeof topicIn>): Error | undefined {
  return found === undefined || found.topicErrorCode === 0
    ? undefined
    : createErrorFromCode(found.topicErrorCode);
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
