import { cpuColumns } from '../clocks';
import { percentiles } from '../load/run-load';
import { goal, type Outcome, ratioOf, type Result, round, spread } from '../report';
import { writeReadModelPage } from './explain';
import { type Database, type Ground } from './ground';
import { fillHistory, type History, historyOf } from './history';
import { type Checked, project, rateOf, resultOf } from './projecting';
import { ask, questions } from './questions';
import { inNewDatabase, inRounds, lineOf, RECORDS } from './rates';

const MESSAGES = 10_000_000;
const GOALS = { rate: 0.8, answerMs: 20 };

/** New records beside many old ones: how fast they are projected, and how fast the read model answers. */
export async function measureBig(ground: Ground): Promise<Outcome> {
  const history = historyOf(ground.options.messages ?? MESSAGES);
  const big = await ground.openDatabase();
  await fillHistory(ground, big, history);
  const rates = await compareWithEmpty(ground, big);
  const answers = await askAll(ground, big, history);
  const times = new Map(answers.map(({ name, p50Ms }) => [name, p50Ms ?? NaN]));
  if (ground.options.explain) await writeReadModelPage(big, history, times);
  await big.drop();
  return {
    results: [...rates.results, ...answers],
    ratios: rates.ratios,
    goals: [
      ...rates.goals,
      ...answers.map(({ name, p50Ms }) => goal(`${name}, median ms`, '<=', GOALS.answerMs, p50Ms)),
    ],
  };
}

/** Each round brings records of its own: those of the round before are not new any more. */
async function compareWithEmpty(ground: Ground, big: Database): Promise<Outcome> {
  const [inEmpty, inBig]: [Checked[], Checked[]] = [[], []];
  await inRounds(ground, async () => {
    await ground.topic.fill(ground.options.records ?? RECORDS);
    inEmpty.push(await inNewDatabase(ground, 'empty', project));
    const run = await project(ground, big);
    ground.say(`${'big'.padEnd(16)} ${lineOf(run)}`);
    inBig.push(run);
  });
  const ratio = ratioOf('big', 'empty', inBig.map(rateOf), inEmpty.map(rateOf), { what: 'rate' });
  const result = resultOf('big', inBig);
  return {
    results: [resultOf('empty', inEmpty), { ...result, messages: ground.options.messages ?? MESSAGES }],
    ratios: ratio ? [ratio] : [],
    goals: [
      goal('big / empty, rate', '>=', GOALS.rate, ratio?.median),
      goal('records without their row beside many', '=', 0, Number(result.lost)),
    ],
  };
}

async function askAll(ground: Ground, big: Database, history: History): Promise<Result[]> {
  const results: Result[] = [];
  for (const question of questions) {
    ground.signal.throwIfAborted();
    const [times, used] = await ask(big, question, history);
    const { p50, p99 } = percentiles(times);
    const rate = spread([1000 / Math.max(p50, 0.001)], 0);
    const tookMs = { p50Ms: round(p50, 2), p99Ms: round(p99, 2) };
    results.push({ name: question.name, rate, ...tookMs, ...cpuColumns([used]) });
  }
  return results;
}
