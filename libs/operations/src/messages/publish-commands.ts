import { setTimeout as delay } from 'node:timers/promises';
import { type SendMessage } from '@talaria/contracts';

export type PublishOptions = {
  /** As libs/client does: resolves when the brokers have all of them. */
  readonly publish: (commands: readonly SendMessage[]) => Promise<void>;
  /** At most so many leave in a second; undefined: as fast as Kafka takes them. */
  readonly perSecond?: number | undefined;
  /** Ends it after what is under way. */
  readonly signal: AbortSignal;
  readonly onProgress: (published: number) => void;
};

const AT_ONCE = 500;
/** A part of a second's worth goes at once. */
const PARTS_OF_A_SECOND = 10;

/**
 * Publishes them in their order. What the signal or an error leaves can be published by doing all of it again: their ids keep each from becoming a second
 * message.
 * @returns how many the brokers have
 * @throws what `publish` throws
 */
export async function publishCommands(
  commands: readonly SendMessage[],
  { publish, perSecond, signal, onProgress }: PublishOptions,
): Promise<number> {
  const size =
    perSecond === undefined
      ? AT_ONCE
      : Math.min(AT_ONCE, Math.max(1, Math.round(perSecond / PARTS_OF_A_SECOND)));
  let nextAt = performance.now();
  let published = 0;
  while (published < commands.length) {
    const some = commands.slice(published, published + size);
    await delay(Math.max(0, nextAt - performance.now()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    // What was missed is not made up for: nothing leaves faster than was asked.
    nextAt =
      Math.max(nextAt, performance.now()) + (perSecond === undefined ? 0 : (some.length * 1000) / perSecond);
    await publish(some);
    published += some.length;
    onProgress(published);
  }
  return published;
}
