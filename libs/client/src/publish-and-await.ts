import { type SendMessage } from '@talaria/contracts';
import { type FateBook } from './fate-book';
import { type Fate } from './fate';
import { type Talaria, type Wait } from './talaria';

/** Waits before it publishes, so that no fate comes in between. */
export async function publishAndAwait(
  publish: Talaria['publish'],
  book: FateBook,
  command: SendMessage,
  wait: Wait,
): Promise<Fate> {
  const notPublished = new AbortController();
  const fate = book.fateOf(command, wait.timeoutMs, notPublished.signal);
  fate.catch(() => undefined);
  try {
    await publish(command, wait);
  } catch (error) {
    notPublished.abort();
    throw error;
  }
  return fate;
}
