import { type ProduceClient } from './produce-client';
import { explained } from './refusals';
import { isUnknownTopic } from './write-faults';

/** The cluster answers, but a topic that is needed is not there. */
export class MissingTopicError extends Error {
  constructor(names: readonly string[]) {
    super(`Kafka has no topic ${names.join(', ')}. Create the topics with: talaria topics apply`);
    this.name = 'MissingTopicError';
  }
}

/**
 * How many partitions each topic has, by its name without the prefix.
 * @throws {MissingTopicError} when a topic does not exist; otherwise Kafka's error for it
 */
export function countPartitions(
  client: ProduceClient,
  topics: readonly string[],
  prefix: string,
): ReadonlyMap<string, number> {
  const missing: string[] = [];
  const counts = new Map<string, number>();
  for (const topic of topics) {
    try {
      counts.set(topic, client.countPartitions(prefix + topic));
    } catch (error) {
      if (!isUnknownTopic(error)) throw explained(error, prefix + topic);
      missing.push(prefix + topic);
    }
  }
  if (missing.length > 0) throw new MissingTopicError(missing);
  return counts;
}
