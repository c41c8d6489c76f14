import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits for a condition: calls `attempt` until it returns without throwing, and returns what it returned.
 * @throws what the last call threw, when time is over
 */
export async function eventually<T>(attempt: () => T | Promise<T>, withinMs = 15_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await sleep(25);
  }
}
