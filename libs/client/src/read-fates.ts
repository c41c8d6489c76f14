import { randomUUID } from 'node:crypto';
import { groups, topics } from '@talaria/contracts';
import {
  createKafka,
  fetchLogRanges,
  type KafkaConfig,
  type RecordBatch,
  startConsumer,
} from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Fate, readFate } from './fate';

export type FateReader = { close(): Promise<void> };

/**
 * Reads every fate that comes after this was called, also when it joins its group later. The group is its own, so that each client
 * hears all of them.
 * @param onEnd reading has ended for good
 */
export async function readFates(
  { config, logger }: { readonly config: KafkaConfig; readonly logger: Logger },
  onFate: (fate: Fate) => void,
  onEnd: (error: Error) => void,
): Promise<FateReader> {
  const groupId = `${groups.clients}${randomUUID()}`;
  const next = await findEnds(config, groupId, logger);
  const { name } = topics.dispatches;
  return startConsumer({
    config,
    groupId,
    handlers: new Map([
      [
        name,
        ({ records, done }: RecordBatch) => {
          for (const { partition, offset, headers, value } of records) {
            const fate = readFate(headers, value);
            if (fate !== undefined) onFate(fate);
            next.set(partition, offset + 1);
            done(offset);
          }
          return Promise.resolve(undefined);
        },
      ],
    ]),
    positionOf: (_topic, partition) => Promise.resolve(next.get(partition)),
    logger,
    onFatal: onEnd,
  });
}

/** @returns by partition, the offset that the next event will have */
async function findEnds(config: KafkaConfig, clientId: string, logger: Logger): Promise<Map<number, number>> {
  const name = config.KAFKA_PREFIX + topics.dispatches.name;
  const admin = createKafka(config, clientId, logger).admin();
  await admin.connect();
  try {
    const ranges = (await fetchLogRanges(admin, [name])).get(name) ?? new Map<number, { high: number }>();
    return new Map([...ranges].map(([partition, { high }]) => [partition, high]));
  } finally {
    await admin.disconnect();
  }
}
