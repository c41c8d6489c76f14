import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type VerifiedProducer } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { drainSegment, openSegment, Spool } from '@talaria/spool';
import { NotFoundError } from '../errors';

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
  if (!existsSync(directory))
    throw new NotFoundError(`there is no folder ${directory}: name the spool's by --dir or SPOOL_DIR`);
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
    for (;;) {
      // What became a dead letter on the way may have come to the end of the spool.
      if (spool.segments.length === 0) await spool.seal();
      const [segment] = spool.segments;
      if (segment === undefined) return total;
      const opened = await openSegment(spool, segment);
      await drainSegment(drain, opened).catch((cause: unknown) => {
        const reason = producer.fault() ?? (cause as Error).message;
        throw new Error(`Not all of ${segment.name} could be sent: ${reason}`, { cause });
      });
      const { items, damagedBytes } = opened;
      total.segments += 1;
      total.items += items;
      total.damagedBytes += damagedBytes;
      say(
        `${segment.name}: ${items} items are in Kafka${damagedBytes > 0 ? `, ${damagedBytes} damaged bytes set aside` : ''}`,
      );
    }
  } finally {
    await spool.close();
    await (await refused)?.close();
  }
}
