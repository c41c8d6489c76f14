import { type BenchContext } from '../bench-case';
import { workOf } from '../clocks';
import {
  resultOf as dispatchResult,
  type Run as Dispatched,
  runDispatcher,
  SENDERS,
} from '../dispatcher/ceiling';
import { UNLIMITED } from '../dispatcher/commands';
import { siteOn, startSimulator } from '../dispatcher/site';
import { appSecret } from '../ground';
import { cpuOf, measure, resultOf as receiveResult, type Run as Received } from '../ingestion/measure';
import { SECONDS } from '../ingestion/rates';
import { startTalaria } from '../ingestion/receivers';
import { type Generator, startGenerator } from '../load/generator';
import { type Ground, openGround } from '../projection/ground';
import { type Checked, project, resultOf } from '../projection/projecting';
import { lineOf } from '../projection/rates';
import { joinOutcomes, noOutcome, type Outcome } from '../report';
import { MESSAGES } from './rows';
import { compareSizes, inTurn, sizesOf } from './sizes';

const PARTITIONS = [1, 4, 12, 64];
const CONNECTIONS = 64;

type Run = { readonly received: Received; readonly projected: Checked; readonly dispatched: Dispatched };

/** The same on topics of few and of many partitions: webhooks received, records projected, commands sent. */
export async function growPartitions(context: BenchContext): Promise<Outcome> {
  const all = sizesOf<Run>(PARTITIONS);
  const generator = startGenerator(appSecret, context.signal);
  try {
    await inTurn(context, all, async ({ size }) => {
      context.say(`${size} partitions:`);
      const ground = await openGround(context, { partitions: size });
      try {
        const received = await receive(ground, generator);
        return { received, projected: await projectOn(ground), dispatched: await dispatch(ground) };
      } finally {
        await ground.close();
      }
    });
  } finally {
    await generator.stop();
  }
  return [
    compareSizes<Run>('receiving', 'partitions', all, {
      costOf: ({ received }) => cpuOf(received),
      resultOf: (name, runs) =>
        receiveResult(
          name,
          CONNECTIONS,
          runs.map(({ received }) => received),
        ),
    }),
    compareSizes<Run>('projecting', 'partitions', all, {
      costOf: ({ projected }) => workOf(projected.cpuUs),
      resultOf: (name, runs) =>
        resultOf(
          name,
          runs.map(({ projected }) => projected),
        ),
    }),
    compareSizes<Run>('sending', 'partitions', all, {
      costOf: ({ dispatched }) => workOf(dispatched.used),
      resultOf: (name, runs) =>
        dispatchResult(
          name,
          runs.map(({ dispatched }) => dispatched),
        ),
    }),
  ].reduce(joinOutcomes, noOutcome);
}

async function receive(ground: Ground, generator: Generator): Promise<Received> {
  const talaria = await startTalaria(ground);
  const measureMs = (ground.options.seconds ?? SECONDS) * 1000;
  const loop = { kind: 'closed' } as const;
  const run = await measure({ ...ground, generator }, talaria, {
    ...{ connections: CONNECTIONS, itemsPerBody: 1, loop, measureMs },
  });
  await talaria.stop();
  return run;
}

async function projectOn(ground: Ground): Promise<Checked> {
  await ground.topic.fill(ground.options.records ?? MESSAGES);
  const database = await ground.openDatabase();
  const run = await project(ground, database);
  ground.say(`projecting   ${lineOf(run)}`);
  await database.drop();
  return run;
}

async function dispatch(ground: Ground): Promise<Dispatched> {
  const database = await ground.openDatabase();
  const site = await siteOn(ground, database, await startSimulator(ground, false));
  const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: UNLIMITED });
  return runDispatcher(site, senders, ground.options.records ?? MESSAGES, { name: 'sending' });
}
