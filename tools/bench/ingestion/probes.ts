import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { goal, type Outcome, ratioOf, round } from '../report';
import { type Ground } from './ground';
import { measure, rateOf, resultOf, type Run } from './measure';
import { startTalaria } from './receivers';

const CONNECTIONS = 256;
const ASK_EVERY_MS = 20;
const GOAL_MS = 100;
/** What is logged: as a person sets it up, and a line for each webhook. */
const LEVELS = ['info', 'debug'] as const;

/** As fast as Talaria goes: how soon its probes are answered meanwhile, and what a line in the log for each webhook costs. */
export async function measureProbes(ground: Ground): Promise<Outcome> {
  const measureMs = (ground.options.seconds ?? 4) * 1000;
  const receivers = await Promise.all(LEVELS.map((LOG_LEVEL) => startTalaria(ground, { LOG_LEVEL })));
  const runs = receivers.map((): Run[] => []);
  const tookMs: number[] = [];
  for (let turn = 0; turn <= ground.options.rounds; turn++) {
    for (const [index, receiver] of receivers.entries()) {
      const asking = new AbortController();
      const asked = askProbes(receiver.server.healthUrl, asking.signal);
      const loop = { kind: 'closed' } as const;
      const load = { connections: CONNECTIONS, measureMs, itemsPerBody: 1, loop };
      const run = await measure(ground, receiver, { ...load, onLoadEnded: () => asking.abort() });
      const answers = await asked;
      // The first warms up.
      if (turn > 0) runs[index]?.push(run);
      if (turn > 0) tookMs.push(...answers);
    }
  }
  for (const receiver of receivers) await receiver.stop();
  const [info = [], debug = []] = runs;
  const longest = tookMs.reduce((most, took) => Math.max(most, took), 0);
  const rates = [debug, info].map((some) => some.map(rateOf));
  const ratio = ratioOf('a line for each webhook', 'none', rates[0], rates[1], { connections: CONNECTIONS });
  return {
    results: LEVELS.map((level, index) =>
      resultOf(`talaria, LOG_LEVEL=${level}`, CONNECTIONS, runs[index] ?? []),
    ),
    ratios: ratio ? [ratio] : [],
    goals: [
      goal(
        `${tookMs.length} probes under full load, the slowest answer in ms`,
        '<=',
        GOAL_MS,
        round(longest, 1),
      ),
      goal('a line for each webhook, rate', '>=', 0.5, ratio?.median),
    ],
  };
}

/** Each over a connection of its own, as the kubelet asks. @returns how long each answer took, in ms */
async function askProbes(healthUrl: string, until: AbortSignal): Promise<number[]> {
  const tookMs: number[] = [];
  while (!until.aborted) {
    for (const probe of ['startup', 'live', 'ready']) {
      const agent = new Agent({ pipelining: 0 });
      const began = performance.now();
      const { statusCode, body } = await request(`${healthUrl}/${probe}`, { dispatcher: agent });
      await body.dump();
      tookMs.push(performance.now() - began);
      if (statusCode !== 200) throw new Error(`${probe} is answered ${statusCode} under load`);
      await agent.close();
    }
    await sleep(ASK_EVERY_MS);
  }
  return tookMs;
}
