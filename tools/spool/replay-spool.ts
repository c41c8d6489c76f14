import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type VerifiedProducer } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { drainSegment } from '../../apps/ingestion/src/spool/drain-segment';
import { Spool } from '../../apps/ingestion/src/spool/spool';

export type Replayed = { readonly segments: number; readonly items: number; readonly damagedBytes: number };

/**
 * Sends everything in a spool to Kafka, oldest first, and removes what was confirmed. May be ended and begun again at any moment: at most a segment
 * is then sent twice.
 * @throws when a living process holds the folder, or Kafka does not take a segment
 */
export async function replaySpool(options: {
  readonly directory: string;
  readonly producer: VerifiedProducer;
  readonly logger: Logger;
  readonly say: (line: string) => void;
}): Promise<Replayed> {
  const { directory, producer, logger, say } = options;
  const open = (folder: string) =>
    Spool.open({
      directory: folder,
      maxBytes: Number.MAX_SAFE_INTEGER,
      logger,
      onLost: (error) => {
        throw error;
      },
    });
  if (!existsSync(directory)) throw new Error(`there is no folder ${directory}`);
  const spool = await open(directory);
  let refused: Promise<Spool> | undefined;
  const drain = {
    producer,
    spool,
    logger,
    openRefused: () => (refused ??= open(join(directory, 'refused'))),
  };
  const total = { segments: 0, items: 0, damagedBytes: 0 };
  try {
    for (let [segment] = spool.segments; segment !== undefined; [segment] = spool.segments) {
      const drained = await drainSegment(drain, segment);
      if (drained === undefined)
        throw new Error(`Kafka did not take ${segment.name}: ${producer.fault() ?? 'unknown fault'}`);
      total.segments += 1;
      total.items += drained.items;
      total.damagedBytes += drained.damagedBytes;
      say(
        `${segment.name}: ${drained.items} items are in Kafka${drained.damagedBytes > 0 ? `, ${drained.damagedBytes} damaged bytes set aside` : ''}`,
      );
    }
    return total;
  } finally {
    await spool.close();
    await (await refused)?.close();
  }
}
