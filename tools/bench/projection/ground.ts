import { type BenchContext } from '../bench-case';
import { type Database, openDatabase } from '../database';
import { type Ground as BenchGround, openGround as openBenchGround } from '../ground';
import { openWebhookTopic, type WebhookTopic } from './webhook-topic';

export { type Database } from '../database';

export type Ground = BenchGround & {
  readonly topic: WebhookTopic;
  /** An empty database of Talaria's. */
  openDatabase(): Promise<Database>;
};

export async function openGround(
  context: BenchContext,
  topics: Parameters<typeof openBenchGround>[2] = {},
): Promise<Ground> {
  const ground = await openBenchGround(context, context.stack, topics);
  let count = 0;
  try {
    return {
      ...ground,
      topic: await openWebhookTopic(ground),
      openDatabase: () => openDatabase(ground, context.stack.databaseUrl, ++count),
    };
  } catch (error) {
    await ground.close();
    throw error;
  }
}
