import './stale-fetch';
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup';

const offsetsOf = (offsets: Readonly<Record<string, object>>) => ({ committedOffsets: () => offsets });

/** A member with a partition of a topic, in a group that does something while a fetch waits for the offsets of it. */
function memberThat(meanwhile: (member: Record<string, unknown>) => void): ConsumerGroup {
  const own: Record<string, unknown> = {
    cluster: { refreshMetadataIfNecessary: () => Promise.resolve() },
    subscriptionState: { assigned: () => [{ topic: 'records', partitions: [0] }] },
    ...{ checkForStaleAssignment: () => undefined, filterPartitionsByNode: (_: number, all: unknown) => all },
    seekOffsets: () => {
      meanwhile(own);
      return Promise.resolve();
    },
    getActiveTopicPartitions: () => ({ records: new Set([0]) }),
    offsetManager: offsetsOf({ records: {} }),
  };
  return Object.setPrototypeOf(own, ConsumerGroup.prototype) as ConsumerGroup;
}

describe('a fetch that waits for its offsets while the member joins again', () => {
  it('asks for nothing when the member has no partition of its topic any more', async () => {
    const member = memberThat((own) => (own.offsetManager = offsetsOf({})));
    expect(await member.fetch(1)).toEqual([]);
  });

  it('still fails when the member has not joined again', async () => {
    const member = memberThat((own) => (own.getActiveTopicPartitions = () => ({})));
    Object.assign(member, { offsetManager: offsetsOf({ records: { 0: '7' } }) });
    await expect(member.fetch(1)).rejects.toThrow(TypeError);
  });
});
