import { setTimeout as delay } from 'node:timers/promises';
import { KafkaJSError } from 'kafkajs';
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup';
import { KafkaJSNumberOfRetriesExceeded } from 'kafkajs/src/errors';

/** Longer than a coordinator takes to read its log after a start. */
const JOIN_WITHIN_MS = 20_000;
const AGAIN_MS = 300;

const joinAndSync = ConsumerGroup.prototype.joinAndSync;

/**
 * When a join of kafkajs 2.2.4 fails for a reason that passes (the coordinator has just started, or cannot be found yet), its runner fetches on
 * with the assignment of before: the group may still take our heartbeats, so nothing joins again, though we asked to and no partition may be
 * counted as ours since. We let it ask until it has joined; after 20 s the consumer crashes, and begins anew.
 */
ConsumerGroup.prototype.joinAndSync = async function (this: ConsumerGroup): Promise<void> {
  const until = performance.now() + JOIN_WITHIN_MS;
  for (let retryCount = 0; ; retryCount++) {
    try {
      await joinAndSync.call(this);
      return;
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (performance.now() > until) throw beginAnew(error, retryCount);
      await delay(AGAIN_MS, undefined, { ref: false });
    }
  }
};

/** The runner wraps what it is told and asks the innermost cause whether to begin anew: that no coordinator is found would say no. */
function beginAnew(error: unknown, retryCount: number): Error {
  const passing = new KafkaJSError(error as Error, { retriable: true });
  return new KafkaJSNumberOfRetriesExceeded(passing, { retryCount, retryTime: AGAIN_MS });
}

type Failure = { readonly name?: string; readonly retriable?: boolean; readonly cause?: unknown };

/** That no coordinator is found is no reason to end either: kafkajs says so too when all brokers are busy with their start. */
function isPassing(error: unknown): boolean {
  const { name, retriable, cause } = (error ?? {}) as Failure;
  if (retriable === true || name === 'KafkaJSGroupCoordinatorNotFound') return true;
  return name === 'KafkaJSNumberOfRetriesExceeded' || (cause !== undefined && isPassing(cause));
}
