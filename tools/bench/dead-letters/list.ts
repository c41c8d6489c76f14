import { sqlOf } from '@talaria/database';
import { type LetterFilter, letterStates, listLetters } from '@talaria/operations';
import { type BenchContext } from '../bench-case';
import { cpuColumns, readClocks, usedForEach } from '../clocks';
import { percentiles } from '../load/run-load';
import { goal, type Outcome, type Result, round, spread } from '../report';
import { fillLetters, type LetterSite, onLetterSite, spreadOver } from './letters';

const LETTERS = 1_000_000;
const PAGE = 50;
const TIMES = 100;
const GOAL_MS = 20;

const DAY_MS = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();

/** Each asks, the nth time, for something else. */
const questions: Readonly<Record<string, (n: number) => LetterFilter>> = {
  'no filter': () => ({}),
  cause: (n) => ({ cause: ['permanent', 'exhausted', 'expired', 'data'][n % 4] ?? '' }),
  code: (n) => ({ code: 131_000 + (n % spreadOver.codes) }),
  WABA: (n) => ({ waba: String(7000 + (n % spreadOver.wabas)) }),
  number: (n) => ({ number: String(5000 + (n % spreadOver.numbers)) }),
  campaign: (n) => ({ campaign: `campaign-${(n * 37) % spreadOver.campaigns}` }),
  time: (n) => ({ since: daysAgo((n % 80) + 2), until: daysAgo((n % 80) + 1) }),
  topic: (n) => ({ topic: n % 2 === 0 ? 'outbound' : 'webhooks' }),
  'WABA and cause': (n) => ({ waba: String(7000 + (n % spreadOver.wabas)), cause: 'expired' }),
  'number, code and time': (n) => ({
    ...{ number: String(5000 + (n % spreadOver.numbers)), code: 131_000 + (n % spreadOver.codes) },
    since: daysAgo(30),
  }),
};

/** A page of letters by each filter: the newest, those somewhere in the middle, and of every state together. */
export function measureList(context: BenchContext): Promise<Outcome> {
  return onLetterSite(context, async (site) => {
    const letters = context.options.messages ?? LETTERS;
    context.say(`writing ${letters} letters`);
    await fillLetters(site, letters, 80);
    const results: Result[] = [];
    for (const [name, filterOf] of Object.entries(questions)) {
      results.push(await ask(site, name, letters, filterOf));
      context.say(`${name}: ${String(results.at(-1)?.p50Ms)} ms`);
    }
    return {
      results,
      ratios: [],
      goals: results.map(({ name, p50Ms }) => goal(`${name}, median ms`, '<=', GOAL_MS, p50Ms)),
    };
  });
}

async function ask(
  { dataSource, database, ground }: LetterSite,
  name: string,
  letters: number,
  filterOf: (n: number) => LetterFilter,
): Promise<Result> {
  const sql = sqlOf(dataSource);
  const times: number[] = [];
  let found = 0;
  const before = await readClocks(ground, process.pid, database);
  for (let n = 0; n < TIMES; n++) {
    ground.signal.throwIfAborted();
    const states = n % 3 === 2 ? letterStates : (['open'] as const);
    const after = n % 3 === 0 ? undefined : 1 + Math.floor(letters * ((n * 0.618_034) % 1));
    const from = performance.now();
    const page = await listLetters(sql, { filter: filterOf(n), states, limit: PAGE, after });
    times.push(performance.now() - from);
    found += page.letters.length;
  }
  const used = usedForEach(before, await readClocks(ground, process.pid, database), TIMES);
  const { p50, p99 } = percentiles(times);
  return {
    ...{ name, rate: spread([1000 / Math.max(p50, 0.001)], 0), ...cpuColumns([used]) },
    ...{ p50Ms: round(p50, 2), p99Ms: round(p99, 2), letters, found: round(found / TIMES, 1) },
  };
}
