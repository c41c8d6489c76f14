import { headers, type SendMessage, topics } from '@talaria/contracts';
import { type KafkaRecord } from '@talaria/kafka';

/**
 * The partition that a record of `whatsapp.outbound` has to be forwarded to, because its publisher's partitioner, or its key, put it elsewhere;
 * undefined when it stays. What was forwarded to where it lies stays, even if two processes should count different partitions: no record
 * travels in a circle. What lies in a retry topic stays too: whoever put it there was its owner.
 */
export function rightPartition(
  { topic, partition, headers: found }: KafkaRecord,
  { wabaId }: SendMessage,
  ownerPartition: (wabaId: string) => number,
): number | undefined {
  if (topic !== topics.outbound.name || found[headers.rekeyedTo] === String(partition)) return undefined;
  const right = ownerPartition(wabaId);
  return right === partition ? undefined : right;
}
