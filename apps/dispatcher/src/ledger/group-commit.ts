/**
 * Lets single calls share a statement: one leaves at once when nothing is under way, and what comes meanwhile leaves together when it is
 * back. When a statement fails, each of its callers hears of it.
 * @param run answers in the order of its items
 */
export function groupCommit<Item, Answer>(
  run: (items: readonly Item[]) => Promise<readonly Answer[]>,
  max = 500,
): (item: Item) => Promise<Answer> {
  type Waiting = { item: Item; resolve: (answer: Answer) => void; reject: (error: unknown) => void };
  let waiting: Waiting[] = [];
  let busy = false;

  async function drain(): Promise<void> {
    busy = true;
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting.slice(0, max);
      waiting = waiting.slice(max);
      try {
        const answers = await run(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    busy = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!busy) void drain();
    });
}
