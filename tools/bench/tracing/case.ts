import { type BenchContext, caseOf } from '../bench-case';
import { UNLIMITED } from '../dispatcher/commands';
import {
  type Run as Dispatched,
  resultOf as dispatchResult,
  runDispatcher,
  SENDERS,
} from '../dispatcher/ceiling';
import { onSite } from '../dispatcher/site';
import { appSecret } from '../ground';
import { openGround } from '../ingestion/ground';
import { measure, rateOf, resultOf, type Run as Received } from '../ingestion/measure';
import { startTalaria, type TalariaReceiver } from '../ingestion/receivers';
import { startGenerator } from '../load/generator';
import { type Outcome } from '../report';
import { compareWays, noRuns, startSink, variablesOf, type Way, ways, waysOfRound } from './ways';

const CONNECTIONS = 64;
const SECONDS = 5;
const MESSAGES = 30_000;

/** What traces cost. */
export const tracing = caseOf(
  'what traces cost ingestion and dispatcher: off, one in ten sampled, always on',
  {
    ingestion: compareIngestion,
    dispatcher: compareDispatcher,
  },
);

/** Webhooks as fast as they are taken. Every way has its process, and all of them take turns in every round. */
async function compareIngestion(context: BenchContext): Promise<Outcome> {
  const { options, say, signal, stack } = context;
  const generator = startGenerator(appSecret, signal);
  const ground = await openGround(context, stack, generator).catch(async (error: unknown) => {
    await generator.stop();
    throw error;
  });
  ground.atClose(() => generator.stop());
  try {
    const sink = await startSink(ground);
    const receivers = new Map<Way, TalariaReceiver>();
    for (const way of ways)
      receivers.set(way, { ...(await startTalaria(ground, variablesOf(way, sink))), name: way });
    const runs = noRuns<Received>();
    const run = (way: Way, seconds: number) => {
      const receiver = receivers.get(way);
      if (receiver === undefined) throw new Error(`${way} was not started`);
      const loop = { kind: 'closed' } as const;
      const load = { connections: CONNECTIONS, measureMs: seconds * 1000, itemsPerBody: 1, loop };
      return measure(ground, receiver, load);
    };
    say('A round that does not count, for warming up:');
    for (const way of ways) await run(way, options.seconds ?? SECONDS);
    for (let round = 1; round <= options.rounds; round++) {
      say(`Round ${round} of ${options.rounds}:`);
      for (const way of waysOfRound(round)) runs[way].push(await run(way, options.seconds ?? SECONDS));
    }
    return compareWays('ingestion', runs, {
      result: (name, all) => resultOf(name, CONNECTIONS, all),
      rate: rateOf,
      appCpu: ({ cpuUs }) => cpuUs.app,
      faults: ({ lost = 0 }) => lost,
    });
  } finally {
    await ground.close();
  }
}

/** Commands as fast as they are sent, without any limit; each run has a process of its own. */
async function compareDispatcher(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const runs = noRuns<Dispatched>();
  await onSite(context, { limits: false }, async (site) => {
    const sink = await startSink(site.ground);
    const senders = await site.addSenders({ count: SENDERS, messagesPerSecond: UNLIMITED });
    for (let round = 1; round <= options.rounds; round++) {
      say(`Round ${round} of ${options.rounds}:`);
      for (const way of waysOfRound(round)) {
        const asked = { name: way, env: variablesOf(way, sink) };
        runs[way].push(await runDispatcher(site, senders, options.messages ?? MESSAGES, asked));
      }
    }
  });
  return compareWays('dispatcher', runs, {
    result: dispatchResult,
    rate: ({ rate }) => rate,
    appCpu: ({ used }) => used.app,
    faults: ({ lost, doubled }) => lost + doubled,
  });
}
