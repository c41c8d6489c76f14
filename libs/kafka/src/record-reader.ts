import { type Logger } from '@talaria/observability';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import fetchRequest from 'kafkajs/src/protocol/requests/fetch/v4/request';
import { decode, type FetchAnswer } from 'kafkajs/src/protocol/requests/fetch/v4/response';
import { asItIs, type Call, connectCluster, type ConnectedCluster, inTime, send } from './cluster';
import { type KafkaRecord, readRecord } from './kafka-record';
import { type KafkaConfig } from './settings';

/** Reads single records again, of which it is known where they lie. It connects when the first is asked for. */
export type RecordReader = {
  /**
   * The record as consumers got it; undefined when there is none any more, or never was, at this place.
   * @param topic without the prefix
   * @throws when the brokers do not answer, or the partition has no leader: ask again in a while
   */
  fetchRecord(topic: string, partition: number, offset: number): Promise<KafkaRecord | undefined>;
  close(): Promise<void>;
};

const OFFSET_OUT_OF_RANGE = 1;
const A_CONSUMER = -1;
const READ_COMMITTED = 1;
const MAX_WAIT_MS = 100;
/** The broker gives at least the batch in which the record lies, whatever its size: with this, no more. */
const ONE_BATCH = 1;

/** @param topics without the prefix; the only ones that may be read */
export function createRecordReader(options: {
  readonly config: KafkaConfig;
  readonly clientId: string;
  readonly topics: readonly string[];
  readonly logger: Logger;
}): RecordReader {
  const { config, clientId, topics, logger } = options;
  const nameOf = (topic: string) => config.KAFKA_PREFIX + topic;
  let connected: Promise<ConnectedCluster> | undefined;

  /** After any fault everything is asked anew: connections, and who leads what. */
  async function giveUp(one: Promise<ConnectedCluster>): Promise<void> {
    if (connected === one) connected = undefined;
    const cluster = await one.catch(() => undefined);
    cluster?.end();
  }

  return {
    async fetchRecord(topic, partition, offset) {
      const one = (connected ??= connectCluster(config, clientId, topics.map(nameOf), logger));
      try {
        const messages = await fetchAt(await one, nameOf(topic), partition, offset);
        const found = messages.find((message) => Number(message.offset) === offset);
        return found?.isControlRecord === false ? readRecord(topic, partition, found) : undefined;
      } catch (error) {
        await giveUp(one);
        throw error;
      }
    },
    async close() {
      if (connected !== undefined) await giveUp(connected);
    },
  };
}

type Message = FetchAnswer['responses'][number]['partitions'][number]['messages'][number];

async function fetchAt(
  { cluster, leaderOf }: ConnectedCluster,
  topic: string,
  partition: number,
  offset: number,
): Promise<readonly Message[]> {
  const leader = leaderOf(topic, partition);
  if (leader === undefined) throw new Error(`nobody leads partition ${partition} of ${topic} now`);
  const broker = await inTime(cluster.findBroker({ nodeId: leader }));
  const { responses } = await inTime(send(broker, fetchCall(topic, partition, offset)));
  const answer = responses.find(({ topicName }) => topicName === topic)?.partitions[0];
  if (answer === undefined) throw new Error(`no answer for partition ${partition} of ${topic}`);
  if (answer.errorCode === OFFSET_OUT_OF_RANGE) return [];
  if (answer.errorCode !== 0) throw createErrorFromCode(answer.errorCode);
  return answer.messages;
}

function fetchCall(topic: string, partition: number, fetchOffset: number): Call<FetchAnswer> {
  return {
    request: fetchRequest({
      replicaId: A_CONSUMER,
      isolationLevel: READ_COMMITTED,
      maxWaitTime: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: ONE_BATCH,
      topics: [{ topic, partitions: [{ partition, fetchOffset, maxBytes: ONE_BATCH }] }],
    }),
    response: { decode, parse: asItIs },
  };
}
