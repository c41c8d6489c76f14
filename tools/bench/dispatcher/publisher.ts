import { type SendMessage, topics } from '@talaria/contracts';
import { createVerifiedProducer } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { type Ground } from '../ground';
import { commandOf, type Sender } from './commands';

/** Publishes commands, and remembers when. Two of them have no connection in common: a crowd in the hands of one keeps nobody else waiting. */
export type Publisher = {
  /** One message of each sender in turn. Resolves when Kafka has all. */
  publish(senders: readonly Sender[], count: number, what?: What): Promise<Published>;
};

export type What = {
  /** Default `notification`. */
  readonly priority?: NonNullable<SendMessage['priority']>;
  /** How many people they go to, in turn; default: each to somebody else. */
  readonly persons?: number;
};

/** Commands whose numbers, which are their ids, are in a row. */
export type Published = {
  readonly first: number;
  readonly count: number;
  /** When each was handed to the producer, by its number, in milliseconds since 1970. */
  readonly at: ReadonlyMap<number, number>;
};

/** More under way together would keep this process from anything else for too long. */
const AT_ONCE = 2000;

/** @param take gives away numbers in a row that nobody else has: the first of so many */
export async function openPublisher(ground: Ground, take: (count: number) => number): Promise<Publisher> {
  const producer = await createVerifiedProducer({
    config: ground.config,
    clientId: 'bench',
    topics: [topics.outbound.name],
    logger: createLogger('bench', 'error'),
  });
  ground.atClose(() => producer.close());

  return {
    async publish(senders, count, { priority = 'notification', persons = count } = {}) {
      const first = take(count);
      const at = new Map<number, number>();
      async function send(place: number): Promise<void> {
        const sender = senders[place % senders.length];
        if (sender === undefined) throw new Error('there is nobody to send it');
        const command = commandOf(first + place, sender, first + (place % persons), priority);
        const value = JSON.stringify(command);
        at.set(first + place, now());
        await producer.send({ topic: topics.outbound.name, key: sender.wabaId, value });
      }
      for (let done = 0; done < count; done += AT_ONCE) {
        ground.signal.throwIfAborted();
        const many = Math.min(AT_ONCE, count - done);
        await Promise.all(Array.from({ length: many }, (_, place) => send(done + place)));
      }
      return { first, count, at };
    },
  };
}

/** As the stand-in for Meta tells the time: with fractions, and never back. */
export const now = () => performance.timeOrigin + performance.now();
