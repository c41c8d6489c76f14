import { type Backlog } from './backlog';
import { showBacklog, showBacklogOldest, showQueueDepth, showQueueOldest } from './backlog.metrics';

/** A scrape asks for several figures that are made of the same. */
const SAME_MS = 500;

/**
 * Shows in the metrics what waits, of the numbers with most of it one by one. Of what a number has in the table, the oldest is in memory, too: so
 * nothing is asked of the database.
 * @param oldest by number, when the oldest that is queued in memory was published; milliseconds since 1970
 * @param max how many numbers are shown
 */
export function showQueues(
  backlog: Pick<Backlog, 'depth' | 'queues'>,
  oldest: () => ReadonlyMap<string, number>,
  max: number,
): void {
  const queues = remembered(() => backlog.queues());
  const times = remembered(oldest);
  const most = remembered(() =>
    [...queues()].sort(([, one], [, other]) => other.depth - one.depth).slice(0, max),
  );
  const ageOf = (number: string) => {
    const at = times().get(number);
    return at === undefined ? 0 : Math.max(0, (Date.now() - at) / 1000);
  };
  showBacklog(() => backlog.depth);
  showBacklogOldest(() =>
    [...queues()].reduce((age, [number, { rest }]) => (rest === 0 ? age : Math.max(age, ageOf(number))), 0),
  );
  showQueueDepth(() => most().map(([number, { depth }]) => [{ phone_number_id: number }, depth] as const));
  showQueueOldest(() => most().map(([number]) => [{ phone_number_id: number }, ageOf(number)] as const));
}

function remembered<T>(make: () => T): () => T {
  let known: { readonly value: T; readonly at: number } | undefined;
  return () => {
    const now = performance.now();
    if (known === undefined || now - known.at > SAME_MS) known = { value: make(), at: now };
    return known.value;
  };
}
