import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup';

const { fetch } = ConsumerGroup.prototype;

/**
 * kafkajs 2.2.4 chooses what a fetcher asks for, and then waits for the offsets. When the fetcher of another broker has joined the group again
 * by then, and got no partition of one of these topics, it looks for offsets of a topic that is not there: a TypeError, after which it ends the
 * consumer for good, and we the process. Such a fetcher has nothing to ask for; the next turn is one of the new assignment.
 */
ConsumerGroup.prototype.fetch = async function (this: ConsumerGroup, nodeId) {
  const { offsetManager } = this;
  try {
    return await fetch.call(this, nodeId);
  } catch (error) {
    if (error instanceof TypeError && this.offsetManager !== offsetManager) return [];
    throw error;
  }
};
