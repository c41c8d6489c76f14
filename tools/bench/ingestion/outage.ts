import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startOwnKafka } from '../../setup/own-stack';
import { repositoryRoot } from '../../stack/repository';
import { type Broker, pidsOf } from '../../stack/stack';
import { type BenchContext } from '../bench-case';
import { type Generator } from '../load/generator';
import { goal, type Outcome, round } from '../report';
import { type Ground, openGround } from './ground';
import { halfRate } from './half-rate';
import { measure, notOkOf, OPEN_LOOP_CONNECTIONS, resultOf } from './measure';
import { startTalaria, type TalariaReceiver } from './receivers';

const P99_MS = 250;
const COMPLETE_WITHIN_S = 120;

/** Half rate, and Kafka away in the middle: on a Kafka of its own, that may be killed. */
export async function outage(context: BenchContext, generator: Generator, before: Outcome): Promise<Outcome> {
  const { say, stack } = context;
  const directory = join(repositoryRoot(), '.talaria/bench/kafka');
  const own = await startOwnKafka({ directory, databaseUrl: stack.databaseUrl, say });
  try {
    const kafka = { kafkaBrokers: own.kafkaBrokers, kafkaPids: pidsOf(own.brokers) };
    const ground = await openGround(context, kafka, generator);
    try {
      return await measureOutage(ground, own.brokers, before);
    } finally {
      // Topics cannot be removed while it is away; a broker that runs is left alone.
      for (const broker of own.brokers) await broker.start();
      await ground.close();
    }
  } finally {
    await own.stop();
  }
}

async function measureOutage(ground: Ground, brokers: readonly Broker[], before: Outcome): Promise<Outcome> {
  const { options } = ground;
  const talaria = await startTalaria(ground);
  const perSecond = await halfRate(ground, talaria, before);
  ground.say(
    `Outage: ${options.minutes} minutes at ${perSecond} a second, Kafka away for ${options.outageSeconds} s.`,
  );
  let endedAt = 0;
  const measuring = measure(ground, talaria, {
    connections: OPEN_LOOP_CONNECTIONS,
    itemsPerBody: 1,
    loop: { kind: 'open', perSecond },
    measureMs: options.minutes * 60_000,
    onLoadEnded: () => (endedAt = Date.now()),
    completeWithinMs: COMPLETE_WITHIN_S * 1000,
  });
  const [run, drained] = await Promise.all([measuring, stopAndStart(ground, brokers, talaria)]);
  const readAfter = (Date.now() - endedAt) / 1000;
  await talaria.stop();

  const unexpected = notOkOf(run) - (run.statuses['503'] ?? 0);
  const complete = run.lost === 0 ? round(drained ?? readAfter, 1) : undefined;
  const result = resultOf('talaria, outage', OPEN_LOOP_CONNECTIONS, [run]);
  return {
    results: [{ ...result, offered: perSecond, maxMs: round(run.latencyMs.max, 1), statuses: run.statuses }],
    ratios: [],
    goals: [
      goal('outage: requests without 200 or 503', '=', 0, unexpected),
      goal('outage: p99 ms of the whole run', '<=', P99_MS, result.p99Ms),
      goal('outage: answered 200 and lost', '=', 0, run.lost),
      goal('outage: seconds until Kafka has all that was answered 200', '<=', COMPLETE_WITHIN_S, complete),
    ],
  };
}

/** @returns how many seconds after Kafka came back nothing waited on disk any more; undefined when the process does not tell */
async function stopAndStart(
  { options, signal, say }: Ground,
  brokers: readonly Broker[],
  talaria: TalariaReceiver,
): Promise<number | undefined> {
  await sleep(Math.max(0, options.minutes * 60 - options.outageSeconds) * 500, undefined, { signal });
  say('Kafka is killed.');
  for (const broker of brokers) await broker.kill();
  await sleep(options.outageSeconds * 1000, undefined, { signal });
  for (const broker of brokers) await broker.start();
  const backAt = Date.now();
  say('Kafka is back.');
  for (;;) {
    const spooled = await spooledBytes(talaria.metricsUrl);
    if (spooled === undefined) {
      say('The process has no metric talaria_spool_bytes: what Kafka has is read after the run.');
      return undefined;
    }
    const seconds = (Date.now() - backAt) / 1000;
    if (spooled === 0) return seconds;
    if (seconds > COMPLETE_WITHIN_S * 2) return Infinity;
    await sleep(250, undefined, { signal });
  }
}

async function spooledBytes(metricsUrl: string): Promise<number | undefined> {
  const text = await (await fetch(metricsUrl)).text();
  const values = [...text.matchAll(/^talaria_spool_bytes(?:\{[^}]*\})? (\S+)$/gm)].map(([, value]) =>
    Number(value),
  );
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
