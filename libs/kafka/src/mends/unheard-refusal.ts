import BrokerPool from 'kafkajs/src/cluster/brokerPool';
import { explained, RefusedError } from '../refusals';

const { withBroker } = BrokerPool.prototype;

/**
 * kafkajs 2.2.4 asks one broker after the other who coordinates a group, and forgets what they answer when none says it: a group that we may not use is to it
 * one whose coordinator is not found yet, which passes. A consumer would ask for ever. We hand on that we were refused.
 */
BrokerPool.prototype.withBroker = async function <T>(
  this: BrokerPool,
  ask: (asked: object) => Promise<T>,
): Promise<T | null> {
  let refusal: unknown;
  const answer = await withBroker.call(this, async (asked) => {
    try {
      return await ask(asked);
    } catch (error) {
      if (explained(error) instanceof RefusedError) refusal = error;
      throw error;
    }
  });
  if (answer === null && refusal !== undefined) throw refusal as Error;
  return answer as T | null;
};
