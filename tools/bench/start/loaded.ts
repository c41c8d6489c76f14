import { type BenchContext } from '../bench-case';
import { resultOf as dispatchResult, runDispatcher, SENDERS } from '../dispatcher/ceiling';
import { UNLIMITED } from '../dispatcher/commands';
import { siteOn, startSimulator } from '../dispatcher/site';
import { watchMemory } from '../dispatcher/usage';
import { appSecret } from '../ground';
import { measure, resultOf as receiveResult } from '../ingestion/measure';
import { SECONDS } from '../ingestion/rates';
import { startTalaria } from '../ingestion/receivers';
import { startGenerator } from '../load/generator';
import { type Ground, openGround } from '../projection/ground';
import { project, resultOf } from '../projection/projecting';
import { type Outcome, type Result } from '../report';

const MESSAGES = 100_000;
const CONNECTIONS = 256;

/** Each app with as much to do as it takes: the most memory that was seen. */
export async function measureLoaded(context: BenchContext): Promise<Outcome> {
  const ground = await openGround(context);
  try {
    const results = [await receive(ground), await projectAll(ground), await dispatch(ground)];
    for (const { name, residentMiB } of results) context.say(`${name}: ${String(residentMiB)} MiB`);
    return { results, ratios: [], goals: [] };
  } finally {
    await ground.close();
  }
}

async function receive(ground: Ground): Promise<Result> {
  const generator = startGenerator(appSecret, ground.signal);
  try {
    const talaria = await startTalaria(ground);
    const memory = watchMemory(talaria.server);
    const run = await measure({ ...ground, generator }, talaria, {
      ...{ connections: CONNECTIONS, itemsPerBody: 1, loop: { kind: 'closed' } },
      measureMs: (ground.options.seconds ?? SECONDS) * 1000,
    });
    const residentMiB = memory();
    await talaria.stop();
    return { ...receiveResult('ingestion, loaded', CONNECTIONS, [run]), residentMiB };
  } finally {
    await generator.stop();
  }
}

async function projectAll(ground: Ground): Promise<Result> {
  await ground.topic.fill(ground.options.records ?? MESSAGES);
  const database = await ground.openDatabase();
  const { maxResidentMiB, ...result } = resultOf('processor, loaded', [await project(ground, database)]);
  await database.drop();
  return { ...result, residentMiB: maxResidentMiB };
}

async function dispatch(ground: Ground): Promise<Result> {
  const database = await ground.openDatabase();
  const site = await siteOn(ground, database, await startSimulator(ground, false));
  const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: UNLIMITED });
  const asked = { name: 'dispatcher' };
  const run = await runDispatcher(site, senders, ground.options.records ?? MESSAGES, asked);
  return dispatchResult('dispatcher, loaded', [run]);
}
