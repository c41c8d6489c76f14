import { type BenchContext } from '../bench-case';
import { workOf } from '../clocks';
import { resultOf as dispatchResult, type Run, runDispatcher, SENDERS } from '../dispatcher/ceiling';
import { type Sender, UNLIMITED } from '../dispatcher/commands';
import { type Site, siteOn, startSimulator } from '../dispatcher/site';
import { type Database, type Ground, openGround } from '../projection/ground';
import { fillHistory, fillLedger, historyOf } from '../projection/history';
import { type Checked, project, resultOf } from '../projection/projecting';
import { lineOf } from '../projection/rates';
import { joinOutcomes, type Outcome } from '../report';
import { compareSizes, inTurn, type Size } from './sizes';

/** The most that are there; before it a tenth and a hundredth of it are. */
const ROWS = 10_000_000;
/** New ones, projected and sent in each round. */
export const MESSAGES = 40_000;

type Filled = Size<Checked> & { readonly database: Database };
type Sent = Size<Run> & { readonly site: Site; readonly senders: readonly Sender[] };

/** Few, many and very many messages are there, with their statuses, commands and ledger; what a new one costs beside them. */
export async function growRows(context: BenchContext): Promise<Outcome> {
  const ground = await openGround(context);
  try {
    const most = context.options.messages ?? ROWS;
    const filled: Filled[] = [];
    for (const size of [most / 100, most / 10, most].map(Math.ceil)) filled.push(await fill(ground, size));
    // First all that is projected: the events of the dispatcher are records, too.
    await projectBeside(ground, filled);
    const sent = await dispatchBeside(ground, filled);
    return joinOutcomes(
      compareSizes('projecting', 'rows', filled, { costOf: ({ cpuUs }) => workOf(cpuUs), resultOf }),
      compareSizes('sending', 'rows', sent, {
        costOf: ({ used }) => workOf(used),
        resultOf: dispatchResult,
      }),
    );
  } finally {
    await ground.close();
  }
}

async function fill(ground: Ground, size: number): Promise<Filled> {
  const database = await ground.openDatabase();
  await fillHistory(ground, database, historyOf(size));
  await fillLedger(database);
  return { size, database, runs: [] };
}

async function projectBeside(ground: Ground, filled: readonly Filled[]): Promise<void> {
  const measure = async ({ size, database }: Filled) => {
    const run = await project(ground, database);
    ground.say(`${`${size} rows`.padEnd(16)} ${lineOf(run)}`);
    return run;
  };
  await inTurn(ground, filled, measure, () => ground.topic.fill(ground.options.records ?? MESSAGES));
}

async function dispatchBeside(ground: Ground, filled: readonly Filled[]): Promise<Sent[]> {
  const simulator = await startSimulator(ground, false);
  const sent: Sent[] = [];
  for (const { size, database } of filled) {
    const site = await siteOn(ground, database, simulator);
    const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: UNLIMITED });
    sent.push({ size, runs: [], site, senders });
  }
  await inTurn(ground, sent, ({ size, site, senders }) =>
    runDispatcher(site, senders, ground.options.records ?? MESSAGES, { name: `${size} rows` }),
  );
  return sent;
}
