import { goal, type Outcome, type Ratio, ratioOf } from '../report';
import { insertBare } from './ceiling';
import { projectEachMessage } from './each-message';
import { type Database, type Ground } from './ground';
import { type Checked, project, rateOf, resultOf, type Timed } from './projecting';

/** For each run, when the command line does not say. */
export const RECORDS = 100_000;
const GOALS = { ceiling: 0.5, 'each-message': 6, duplicates: 1.5 };

/** The same records by the processor and by others, in turn. */
export async function compareRates(ground: Ground): Promise<Outcome> {
  await ground.topic.fill(ground.options.records ?? RECORDS);
  const [ceiling, talaria, eachMessage]: [Timed[], Checked[], Timed[]] = [[], [], []];
  await inRounds(ground, async () => {
    ceiling.push(await inNewDatabase(ground, 'ceiling', insertBare));
    talaria.push(await inNewDatabase(ground, 'talaria', project));
    eachMessage.push(await inNewDatabase(ground, 'each-message', projectEachMessage));
  });
  const own = talaria.map(rateOf);
  const toCeiling = ratioOf('talaria', 'ceiling', own, ceiling.map(rateOf), { what: 'rate' });
  const toEachMessage = ratioOf('talaria', 'each-message', own, eachMessage.map(rateOf), { what: 'rate' });
  const result = resultOf('talaria', talaria);
  return {
    results: [resultOf('ceiling', ceiling), result, resultOf('each-message', eachMessage)],
    ratios: known(toCeiling, toEachMessage),
    goals: [
      goal('talaria / ceiling, rate', '>=', GOALS.ceiling, toCeiling?.median),
      goal('talaria / each-message, rate', '>=', GOALS['each-message'], toEachMessage?.median),
      goal('records without their row', '=', 0, Number(result.lost)),
    ],
  };
}

/** The same topic twice: the second time without checkpoints, so that every fact is there already. */
export async function compareDuplicates(ground: Ground): Promise<Outcome> {
  const count = ground.options.records ?? RECORDS;
  if (ground.topic.count !== count) await ground.topic.fill(count);
  const [first, again]: [Checked[], Checked[]] = [[], []];
  await inRounds(ground, () =>
    inNewDatabase(ground, 'first and again', async (_, database) => {
      first.push(await project(ground, database));
      await database.client.query('DELETE FROM projection_1.projection_checkpoints');
      const run = await project(ground, database);
      again.push(run);
      return run;
    }),
  );
  const ratio = ratioOf('duplicates', 'first arrivals', again.map(rateOf), first.map(rateOf), {
    what: 'rate',
  });
  return {
    results: [resultOf('first arrivals', first), resultOf('duplicates', again)],
    ratios: known(ratio),
    goals: [goal('duplicates / first arrivals, rate', '>=', GOALS.duplicates, ratio?.median)],
  };
}

export async function inRounds({ options, say }: Ground, round: () => Promise<unknown>): Promise<void> {
  for (let number = 1; number <= options.rounds; number++) {
    say(`Round ${number} of ${options.rounds}:`);
    await round();
  }
}

export async function inNewDatabase<T extends Timed>(
  ground: Ground,
  name: string,
  measure: (ground: Ground, database: Database) => Promise<T>,
): Promise<T> {
  const database = await ground.openDatabase();
  const run = await measure(ground, database);
  ground.say(`${name.padEnd(16)} ${lineOf(run)}`);
  await database.drop();
  return run;
}

/** A run for a person. */
export function lineOf(run: Timed): string {
  const each = Object.entries(run.cpuUs).map(([name, us = NaN]) => `${name} ${Math.round(us)}`);
  return `${Math.round(rateOf(run))}/s; CPU µs: ${each.join(', ')}`;
}

const known = (...ratios: (Ratio | undefined)[]) => ratios.filter((ratio) => ratio !== undefined);
