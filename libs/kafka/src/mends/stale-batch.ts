import Runner from 'kafkajs/src/consumer/runner';

const { handleBatch } = Runner.prototype;

/**
 * kafkajs 2.2.4 fetches from each broker by itself. One whose broker leads a partition no more joins the group again on its own, in the midst of
 * the others: what these have asked for from the positions of before arrives after the join, or has waited for its turn. When the
 * partition begins anew then, at what is committed, such a batch lies further on: to hand it out would skip what lies between, which was
 * handed out before the join and counts as lost. So does one that a seek has overtaken. What does not begin where its partition goes on now
 * is left out, and comes again when its turn has come.
 */
Runner.prototype.handleBatch = async function (this: Runner, batch): Promise<void> {
  const { topic, partition, fetchedOffset } = batch;
  const { offsetManager } = this.consumerGroup;
  if (offsetManager.memberAssignment[topic]?.includes(partition) !== true) return;
  if (String(offsetManager.nextOffset(topic, partition)) !== fetchedOffset) return;
  await handleBatch.call(this, batch);
};
