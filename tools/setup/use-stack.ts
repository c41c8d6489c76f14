import { pidsOf, runningStack, type RunningStack, type Stack, startStack } from '../stack/stack';

export type UsedStack = Omit<RunningStack, 'pid'> & Pick<Stack, 'stop'>;

/**
 * Kafka and Postgres for a program of this clone: those that the environment names, else those that `npm run stack` runs, else its own,
 * which `stop` ends.
 */
export async function useStack(say: (line: string) => void): Promise<UsedStack> {
  const { KAFKA_BROKERS = '', DATABASE_URL = '' } = process.env;
  const running = KAFKA_BROKERS === '' && DATABASE_URL === '' ? runningStack() : undefined;
  if (running === undefined) {
    const stack = await startStack({ say });
    return { ...stack, kafkaPids: pidsOf(stack.brokers) };
  }
  say(`Using the Kafka and Postgres that process ${running.pid} runs.`);
  return { ...running, stop: () => Promise.resolve() };
}
