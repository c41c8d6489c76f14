import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const name = 'talaria-co-partitioning';
const version = 1;

/**
 * Gives partition i of every topic to the same member: the owner of a sender's partition also owns its retry partitions.
 */
export const coPartitioningAssigner: PartitionAssigner = ({ cluster }) => ({
  name,
  version,
  assign: ({ members, topics }) => {
    const memberIds = members.map(({ memberId }) => memberId).sort();
    const assignments = memberIds.map((memberId, index) => {
      const assignment: Record<string, number[]> = {};
      for (const topic of topics) {
        assignment[topic] = cluster
          .findTopicPartitionMetadata(topic)
          .map(({ partitionId }) => partitionId)
          .filter((partition) => partition % memberIds.length === index);
      }
      return {
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version,
          assignment,
          userData: Buffer.alloc(0),
        }),
      };
    });
    return Promise.resolve(assignments);
  },
  protocol: ({ topics }) => ({
    name,
    metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
  }),
});
