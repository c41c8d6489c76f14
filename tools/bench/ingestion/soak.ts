import { residentBytesOf } from '../cpu-time';
import { goal, median, type Outcome, round } from '../report';
import { type Ground } from './ground';
import { halfRate } from './half-rate';
import { measure, OPEN_LOOP_CONNECTIONS, resultOf } from './measure';
import { startTalaria } from './receivers';

const SAMPLE_MS = 1000;
const GROWTH = 1.15;
const MIB = 1024 * 1024;

/** Minutes of half rate: the memory of the process must not grow. */
export async function soak(ground: Ground, before: Outcome): Promise<Outcome> {
  const talaria = await startTalaria(ground);
  const perSecond = await halfRate(ground, talaria, before);
  ground.say(`Soak: ${ground.options.minutes} minutes at ${perSecond} a second.`);
  const samples: number[] = [];
  const sampling = setInterval(() => samples.push(memoryOf(talaria.server.pid)), SAMPLE_MS);
  const run = await measure(ground, talaria, {
    connections: OPEN_LOOP_CONNECTIONS,
    itemsPerBody: 1,
    loop: { kind: 'open', perSecond },
    measureMs: ground.options.minutes * 60_000,
    onLoadEnded: () => clearInterval(sampling),
  }).finally(() => clearInterval(sampling));
  await talaria.stop();
  const memory = summarize(samples);
  const result = resultOf('talaria, soak', OPEN_LOOP_CONNECTIONS, [run]);
  return {
    results: [{ ...result, offered: perSecond, memoryMiB: memory }],
    ratios: [],
    goals: [
      goal('memory after long, last fifth / second fifth', '<=', GROWTH, memory.growth),
      goal('answered 200 and lost after long', '=', 0, run.lost),
    ],
  };
}

const memoryOf = (pid: number | undefined) => (pid === undefined ? NaN : (residentBytesOf(pid) ?? NaN) / MIB);

/** @param samples MiB, one a second */
export function summarize(samples: readonly number[]) {
  const fifth = (index: number) =>
    median(samples.slice((samples.length * index) / 5, (samples.length * (index + 1)) / 5));
  const [secondFifth, lastFifth] = [fifth(1), fifth(4)];
  return {
    secondFifth: round(secondFifth, 1),
    lastFifth: round(lastFifth, 1),
    max: round(Math.max(...samples), 1),
    growth: round(lastFifth / secondFifth, 3),
  };
}
