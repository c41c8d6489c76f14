import { setTimeout as sleep } from 'node:timers/promises';
import { createKafka, type KafkaConfig } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { type Admin } from 'kafkajs';
import { eventually } from '../../setup/eventually';

export type LeaderMoves = {
  /** How many times a partition was seen with another leader than before. */
  moves(): number;
  /** Lets the move under way end, and gives every partition its third replica back. @throws what went wrong with a move */
  stop(): Promise<void>;
};

/** A third of the partitions moves at a time: the others are written while a producer's picture of the leaders is wrong. */
const PARTS = 3;
const BROKERS = [1, 2, 3];
/** A broker that was cut off from the others notices after half a minute. */
const MOVED_WITHIN_MS = 60_000;

/**
 * Moves the leaders of a topic's partitions around on a cluster of three, without end: the replicas of a partition become the two brokers
 * that do not lead it.
 * @param topic without the prefix
 */
export async function moveLeaders(config: KafkaConfig, topic: string): Promise<LeaderMoves> {
  const name = config.KAFKA_PREFIX + topic;
  const admin = createKafka(config, 'leaders', createLogger('leaders', 'silent'), {
    retry: { retries: 10, maxRetryTime: 1000 },
  }).admin();
  await admin.connect();
  let moves = 0;
  let stopping = false;

  async function move(part: number): Promise<void> {
    const before = await leadersOf(admin, name);
    const moving = [...before].filter(([partition]) => partition % PARTS === part);
    const partitionAssignment = moving.map(([partition, leader]) => ({
      partition,
      replicas: BROKERS.filter((broker) => broker !== leader),
    }));
    await admin.alterPartitionReassignments({ topics: [{ topic: name, partitionAssignment }] });
    await eventually(async () => {
      const after = await leadersOf(admin, name);
      const still = moving.filter(([partition, leader]) => [leader, -1].includes(after.get(partition) ?? -1));
      if (still.length > 0) throw new Error(`${still.length} partitions of ${topic} have not moved`);
    }, MOVED_WITHIN_MS);
    moves += moving.length;
  }

  async function giveBack(): Promise<void> {
    const partitionAssignment = [...(await leadersOf(admin, name))].map(([partition, leader]) => ({
      partition,
      replicas: [...BROKERS].sort((a, b) => Number(b === leader) - Number(a === leader)),
    }));
    await admin.alterPartitionReassignments({ topics: [{ topic: name, partitionAssignment }] });
  }

  const moving = (async () => {
    for (let step = 0; !stopping; step++) {
      await move(step % PARTS);
      await sleep(100);
    }
  })();
  // Told by stop().
  moving.catch(() => undefined);
  return {
    moves: () => moves,
    async stop() {
      stopping = true;
      try {
        await moving.finally(giveBack);
      } finally {
        await admin.disconnect();
      }
    },
  };
}

async function leadersOf(admin: Admin, name: string): Promise<Map<number, number>> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
  return new Map(topics[0]?.partitions.map(({ partitionId, leader }) => [partitionId, leader]));
}
