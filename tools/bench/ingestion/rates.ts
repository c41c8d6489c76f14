import { type Goal, goal, type Outcome, type Ratio, ratioOf } from '../report';
import { type Ground } from './ground';
import { cpuOf, measure, rateOf, resultOf, type Run } from './measure';
import { type Receiver, type ReceiverName, receivers } from './receivers';

export const CONNECTIONS = [64, 256] as const;
/** For each run, when the command line does not say. */
export const SECONDS = 4;
type Connections = (typeof CONNECTIONS)[number];

/** What Talaria's rate must be, divided by another's; of one without `at` it is told. */
const RATE_GOALS: readonly { to: ReceiverName; at?: Readonly<Record<Connections, number>> }[] = [
  { to: 'ceiling', at: { 64: 0.4, 256: 0.5 } },
  { to: 'sketch', at: { 64: 1.2, 256: 0.85 } },
  { to: 'bullmq', at: { 64: 1, 256: 1.35 } },
  { to: 'bullmq-always' },
  { to: 'nest-express', at: { 64: 6, 256: 6 } },
];
/** What a request may cost, divided by what it costs the sketch. */
const CPU_GOALS: Readonly<Record<Connections, number>> = { 64: 1, 256: 1.2 };

/** One receiver's runs, in the order of the rounds. */
type Runs = ReadonlyMap<string, readonly Run[]>;

/** Closed loop: as fast as each receiver goes, all of them in turn in every round. */
export async function compareRates(ground: Ground): Promise<Outcome> {
  const running: Receiver[] = [];
  for (const start of Object.values(receivers)) {
    const receiver = await start(ground);
    if (receiver) running.push(receiver);
  }
  const outcomes: Outcome[] = [];
  const measureMs = (ground.options.seconds ?? SECONDS) * 1000;
  ground.say('A short round that does not count, for warming up:');
  await runRound(ground, running, 64, 1000);
  const runs = { 64: new Map<string, Run[]>(), 256: new Map<string, Run[]>() };
  for (let round = 1; round <= ground.options.rounds; round++) {
    for (const connections of CONNECTIONS) {
      ground.say(`Round ${round} of ${ground.options.rounds}, ${connections} connections:`);
      for (const [name, run] of await runRound(ground, running, connections, measureMs)) {
        runs[connections].set(name, [...(runs[connections].get(name) ?? []), run]);
      }
    }
  }
  for (const connections of CONNECTIONS) outcomes.push(outcomeOf(runs[connections], connections));
  for (const receiver of running) await receiver.stop();
  return {
    results: outcomes.flatMap(({ results }) => results),
    ratios: outcomes.flatMap(({ ratios }) => ratios),
    goals: outcomes.flatMap(({ goals }) => goals),
  };
}

async function runRound(
  ground: Ground,
  running: readonly Receiver[],
  connections: Connections,
  measureMs: number,
): Promise<Map<string, Run>> {
  const runs = new Map<string, Run>();
  for (const receiver of running) {
    const load = { connections, measureMs, itemsPerBody: 1, loop: { kind: 'closed' } } as const;
    runs.set(receiver.name, await measure(ground, receiver, load));
  }
  return runs;
}

function outcomeOf(runs: Runs, connections: Connections): Outcome {
  const results = [...runs].map(([name, all]) => resultOf(name, connections, all));
  const ratios: Ratio[] = [];
  const goals: Goal[] = [];
  const add = (title: string, ratio: Ratio | undefined, sign: '>=' | '<=', limit: number | undefined) => {
    if (ratio) ratios.push(ratio);
    if (limit === undefined) return;
    goals.push(goal(`${title}, ${connections} connections`, sign, limit, ratio?.median));
  };
  const compare = (to: ReceiverName, what: string, read: (run: Run) => number | undefined) => {
    const [own, others] = ['talaria', to].map((name) => runs.get(name)?.map(read) ?? []);
    return ratioOf('talaria', to, own, others, { what, connections });
  };
  for (const { to, at } of RATE_GOALS) {
    const ratio = compare(to, 'rate', rateOf);
    add(`talaria / ${to}, rate`, ratio, '>=', at?.[connections]);
  }
  const cpu = compare('sketch', 'cpu', cpuOf);
  add('talaria / sketch, CPU of a request', cpu, '<=', CPU_GOALS[connections]);
  const lost = results.reduce((sum, result) => sum + Number(result.lost), 0);
  goals.push(goal(`answered 200 and lost by any, ${connections} connections`, '=', 0, lost));
  return { results, ratios, goals };
}
