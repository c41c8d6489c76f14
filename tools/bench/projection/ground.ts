import { Client } from 'pg';
import { createDatabase, dropDatabase } from '../../platform/database';
import { prepareDatabase } from '../../setup/prepare';
import { type BenchContext } from '../bench-case';
import { type Ground as BenchGround, openGround as openBenchGround } from '../ground';
import { openWebhookTopic, type WebhookTopic } from './webhook-topic';

export type Database = {
  readonly url: string;
  /** A connection of the benchmark's own. */
  readonly client: Client;
  drop(): Promise<void>;
};

export type Ground = BenchGround & {
  readonly topic: WebhookTopic;
  /** An empty database of Talaria's. */
  openDatabase(): Promise<Database>;
};

export async function openGround(context: BenchContext): Promise<Ground> {
  const { databaseUrl } = context.stack;
  const ground = await openBenchGround(context, context.stack);
  const name = ground.config.KAFKA_PREFIX.replaceAll(/[^a-z0-9]/g, '_');
  let count = 0;
  try {
    return {
      ...ground,
      topic: await openWebhookTopic(ground),
      async openDatabase() {
        const url = await createDatabase(databaseUrl, `talaria_${name}${++count}`);
        const client = new Client({ connectionString: url });
        // Dropping the database ends the connection, where nobody listens any more.
        client.on('error', () => undefined);
        let isThere = true;
        const drop = async () => {
          if (!isThere) return;
          isThere = false;
          await client.end();
          await dropDatabase(databaseUrl, url);
        };
        ground.atClose(drop);
        await prepareDatabase(url);
        await client.connect();
        return { url, client, drop };
      },
    };
  } catch (error) {
    await ground.close();
    throw error;
  }
}
