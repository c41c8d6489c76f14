import { type KafkaJSError } from 'kafkajs';
import type Broker from 'kafkajs/src/broker';
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup';

const { heartbeat, fetch } = ConsumerGroup.prototype;
/** Kafka's number for groups. */
const GROUP = 0;
const UNANSWERED = ['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError'];

const looking = new WeakMap<ConsumerGroup, Promise<void>>();

/**
 * A broker that is gone, or frozen, is asked by kafkajs 2.2.4 again and again: as the group's coordinator until the consumer crashes after forty
 * attempts (minutes), as a partition's leader until what it knows of the cluster is a minute old. Others have both after a few seconds
 * (`broker.session.timeout.ms`), and the new coordinator takes us for the member that we were. So whoever got no answer asks the others, as Kafka's
 * own clients do (`markCoordinatorUnknown`).
 */
ConsumerGroup.prototype.heartbeat = async function (this: ConsumerGroup, options): Promise<void> {
  const { coordinator, offsetManager } = this;
  // Each time: a commit that was connecting to the one of before puts that back.
  if (coordinator !== null && offsetManager !== null) offsetManager.coordinator = coordinator;
  try {
    await heartbeat.call(this, options);
  } catch (error) {
    if (isUnanswered(error)) await lookForCoordinator(this);
    throw error;
  }
};

ConsumerGroup.prototype.fetch = async function (this: ConsumerGroup, nodeId) {
  const { cluster } = this;
  try {
    return await fetch.call(this, nodeId);
  } catch (error) {
    // The first may ask the very broker that does not answer; after that kafkajs knows that it is not connected.
    if (isUnanswered(error))
      await cluster.refreshMetadata().catch(() => cluster.refreshMetadata().catch(() => undefined));
    throw error;
  }
};

function isUnanswered(error: unknown): boolean {
  return UNANSWERED.includes((error as KafkaJSError).name);
}

/** Once for all that have missed it. When nobody can say it yet, the next heartbeat asks again. */
function lookForCoordinator(group: ConsumerGroup): Promise<void> {
  const look = looking.get(group) ?? takeCoordinator(group).catch(() => undefined);
  looking.set(group, look);
  return look.finally(() => looking.delete(group));
}

async function takeCoordinator(group: ConsumerGroup): Promise<void> {
  const { coordinator: lost } = group;
  const found = await findCoordinator(group, lost);
  // A join may have been quicker.
  if (found === undefined || found.nodeId === lost?.nodeId || group.coordinator !== lost) return;
  group.coordinator = found;
  group.logger.warn(
    `Broker ${lost?.nodeId}, the coordinator of ${group.groupId}, did not answer; broker ${found.nodeId} coordinates it now`,
  );
}

/** Whom any other broker names. */
async function findCoordinator(
  { cluster, groupId }: ConsumerGroup,
  lost: Broker | null,
): Promise<Broker | undefined> {
  const others = cluster.getNodeIds().filter((nodeId) => nodeId !== String(lost?.nodeId));
  for (const nodeId of others) {
    try {
      const other = await cluster.findBroker({ nodeId });
      const { coordinator } = await other.findGroupCoordinator({ groupId, coordinatorType: GROUP });
      return await cluster.findBroker(coordinator);
    } catch {
      // The next one.
    }
  }
  return undefined;
}
