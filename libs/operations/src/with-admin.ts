import { createKafka, explained, type KafkaConfig } from '@talaria/kafka';
import { type Logger } from '@talaria/observability';
import { type Admin } from 'kafkajs';

/** What every operation on Kafka itself takes. */
export type KafkaAccess = { readonly config: KafkaConfig; readonly logger: Logger };

/** An admin client for the length of `work`. When Kafka is away it fails after about a second. @throws {RefusedError} saying what to do, when Kafka refuses it */
export async function withAdmin<T>(
  { config, logger }: KafkaAccess,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = createKafka(config, 'talaria.operations', logger, { retry: { retries: 2 } }).admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw explained(error);
  } finally {
    await admin.disconnect();
  }
}
