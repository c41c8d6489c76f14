import { goal, type Outcome } from '../report';
import { halfRate } from './half-rate';
import { type Ground } from './ground';
import { measure, OPEN_LOOP_CONNECTIONS, resultOf } from './measure';
import { startTalaria } from './receivers';

const SECONDS = 20;
const GOALS_MS = { p50: 10, p99: 50 };

/** Open loop at half of what Talaria can do. */
export async function measureLatency(ground: Ground, before: Outcome): Promise<Outcome> {
  const talaria = await startTalaria(ground);
  const perSecond = await halfRate(ground, talaria, before);
  const run = await measure(ground, talaria, {
    connections: OPEN_LOOP_CONNECTIONS,
    itemsPerBody: 1,
    loop: { kind: 'open', perSecond },
    measureMs: SECONDS * 1000,
  });
  await talaria.stop();
  const result = resultOf('talaria, open loop', OPEN_LOOP_CONNECTIONS, [run]);
  return {
    results: [{ ...result, offered: perSecond }],
    ratios: [],
    goals: [
      goal('latency at half rate, p50 ms', '<=', GOALS_MS.p50, result.p50Ms),
      goal('latency at half rate, p99 ms', '<=', GOALS_MS.p99, result.p99Ms),
      goal('answered 200 and lost at half rate', '=', 0, run.lost),
    ],
  };
}
