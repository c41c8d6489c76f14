import { type Goal, goal, type Outcome, spread } from '../report';
import { type Ground } from './ground';
import { type Load, measure, rateOf, resultOf, type Run } from './measure';
import { SECONDS } from './rates';
import { startTalaria } from './receivers';

/** Fewer connections for the largest bodies, which are half a megabyte each. */
const SIZES = [
  { itemsPerBody: 1, connections: 64 },
  { itemsPerBody: 10, connections: 64 },
  { itemsPerBody: 100, connections: 64 },
  { itemsPerBody: 1000, connections: 16 },
];

/** Closed loop, with ever more items in a body: what a body costs by itself is then shared by more of them. */
export async function measureItems(ground: Ground): Promise<Outcome> {
  const { options, say } = ground;
  const talaria = await startTalaria(ground);
  const runs = SIZES.map((size) => ({ ...size, all: [] as Run[] }));
  for (let round = 1; round <= options.rounds; round++) {
    say(`Items, round ${round} of ${options.rounds}:`);
    for (const { itemsPerBody, connections, all } of runs) {
      const load: Load = {
        connections,
        itemsPerBody,
        loop: { kind: 'closed' },
        measureMs: (options.seconds ?? SECONDS) * 1000,
      };
      all.push(await measure(ground, talaria, load));
    }
  }
  await talaria.stop();
  const goals: Goal[] = [];
  runs.slice(1).forEach(({ itemsPerBody, all }, index) => {
    const before = runs[index];
    const smaller = before?.all.map((run) => rateOf(run) * before.itemsPerBody) ?? [];
    const growth = all.map((run, round) => (rateOf(run) * itemsPerBody) / (smaller[round] ?? NaN));
    const title = `items a second, ${itemsPerBody} in a body / ${before?.itemsPerBody ?? 0} in a body`;
    goals.push(goal(title, '>=', 1, spread(growth).median));
  });
  const results = runs.map(({ itemsPerBody, connections, all }) =>
    resultOf(`talaria, items of bodies of ${itemsPerBody}`, connections, all, itemsPerBody),
  );
  const lost = results.reduce((sum, result) => sum + Number(result.lost), 0);
  goals.push(goal('items answered 200 and lost', '=', 0, lost));
  return { results, ratios: [], goals };
}
