import { topics } from '@talaria/contracts';
import { createVerifiedProducer } from '@talaria/kafka';
import { createLogger } from '@talaria/observability';
import { type Ground } from '../ground';
import { recordOf } from './records';

/** `whatsapp.webhooks` with records of the benchmark in it. */
export type WebhookTopic = {
  readonly first: number;
  readonly count: number;
  /** Where each partition begins. */
  readonly lows: ReadonlyMap<number, number>;
  /** Empties it and publishes so many records, told over as many milliseconds until now; none of them was ever there before. */
  fill(count: number): Promise<void>;
  /** @returns the numbers of records that nobody else takes: the first of `count` */
  take(count: number): number;
  /** One more record, with a number that was taken. Resolves when Kafka has it. */
  publish(index: number): Promise<void>;
};

/** How many are under way together: a full batch for each partition. */
const AT_ONCE = 6000;

export async function openWebhookTopic(ground: Ground): Promise<WebhookTopic> {
  const { admin, config, say, signal } = ground;
  const logger = createLogger('bench', 'error');
  const { name } = topics.webhooks;
  const producer = await createVerifiedProducer({ config, clientId: 'bench', topics: [name], logger });
  ground.atClose(() => producer.close());
  let next = 0;
  let lows = new Map<number, number>();
  const filled = { first: 0, count: 0 };

  async function empty(): Promise<void> {
    const topic = config.KAFKA_PREFIX + name;
    const ends = await admin.fetchTopicOffsets(topic);
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
    if (ends.some(({ low, high }) => low !== high)) await admin.deleteTopicRecords({ topic, partitions });
    lows = new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
  }

  function take(count: number): number {
    next += count;
    return next - count;
  }

  return {
    get first() {
      return filled.first;
    },
    get count() {
      return filled.count;
    },
    get lows() {
      return lows;
    },
    take,
    async publish(index) {
      await producer.send(recordOf(index, new Date()));
    },
    async fill(count) {
      await empty();
      const first = take(count);
      Object.assign(filled, { first, count });
      const startsAt = Date.now() - count;
      if (count > 0) say(`Publishing ${count} records.`);
      for (let done = 0; done < count; done += AT_ONCE) {
        signal.throwIfAborted();
        const many = Math.min(AT_ONCE, count - done);
        const indexes = Array.from({ length: many }, (_, place) => done + place);
        await Promise.all(
          indexes.map((index) => producer.send(recordOf(first + index, new Date(startsAt + index)))),
        );
      }
    },
  };
}
