import { runningStack, type Stack, startStack } from '../stack/stack';

/**
 * Kafka and Postgres for a program of this clone: those that the environment names, else those that `npm run stack` runs, else its own,
 * which `stop` ends.
 */
export async function useStack(
  say: (line: string) => void,
): Promise<Pick<Stack, 'kafkaBrokers' | 'databaseUrl' | 'stop'>> {
  const { KAFKA_BROKERS = '', DATABASE_URL = '' } = process.env;
  const running = KAFKA_BROKERS === '' && DATABASE_URL === '' ? runningStack() : undefined;
  if (running === undefined) return startStack({ say });
  say(`Using the Kafka and Postgres that process ${running.pid} runs.`);
  return { ...running, stop: () => Promise.resolve() };
}
