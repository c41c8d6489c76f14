import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchContext } from '../bench-case';
import { type Clocks, cpuColumns } from '../clocks';
import { cpuMsOf, residentBytesOf } from '../cpu-time';
import { type Database, openDatabase } from '../database';
import { type Ground, openGround } from '../ground';
import { type Outcome, type Result, round, spread } from '../report';
import { type App, apps, startApp } from './apps';

const REST_MS = 5000;
const MIB = 1024 * 1024;

type Run = {
  /** From starting the process until it is ready. */
  readonly readyMs: number;
  /** What starting cost, in microseconds. */
  readonly used: Clocks;
  /** After it had nothing to do for a while, and how much of a core it used meanwhile. */
  readonly restMiB: number;
  readonly restCores: number;
};

/** Each app by itself with nothing to do, in turn: how soon it is ready, and what it takes to be there. */
export async function measureCold(context: BenchContext): Promise<Outcome> {
  const { options, say } = context;
  const runs: Readonly<Record<App, Run[]>> = { ingestion: [], processor: [], dispatcher: [] };
  const ground = await openGround(context, context.stack);
  try {
    const database = await openDatabase(ground, context.stack.databaseUrl, 1);
    for (let number = 1; number <= options.rounds; number++) {
      for (const app of apps) {
        const run = await startOnce(ground, database, app);
        say(`${app.padEnd(10)} round ${number} of ${options.rounds}: ${lineOf(run)}`);
        runs[app].push(run);
      }
    }
  } finally {
    await ground.close();
  }
  return { results: apps.map((app) => resultOf(app, runs[app])), ratios: [], goals: [] };
}

async function startOnce(ground: Ground, database: Database, app: App): Promise<Run> {
  const { server, readyMs } = await startApp(ground, database, app);
  const pid = server.pid ?? 0;
  const started = cpuMsOf([pid]);
  await sleep(REST_MS, undefined, { signal: ground.signal });
  const restMiB = (residentBytesOf(pid) ?? NaN) / MIB;
  const restCores = ((cpuMsOf([pid]) ?? NaN) - (started ?? NaN)) / REST_MS;
  await server.stop();
  return {
    ...{ readyMs, restMiB, restCores },
    used: { app: started === undefined ? undefined : started * 1000 },
  };
}

const lineOf = ({ readyMs, used, restMiB, restCores }: Run) =>
  `ready after ${Math.round(readyMs)} ms (${Math.round((used.app ?? NaN) / 1000)} ms of CPU); at rest ${Math.round(restMiB)} MiB, ${round(restCores * 100, 1)} % of a core`;

function resultOf(app: App, runs: readonly Run[]): Result {
  const readyMs = spread(
    runs.map((run) => run.readyMs),
    0,
  );
  return {
    ...{ name: `${app}, cold`, p50Ms: readyMs.median, p99Ms: null, readyMs },
    rate: spread(
      runs.map((run) => 1000 / run.readyMs),
      2,
    ),
    ...cpuColumns(runs.map(({ used }) => used)),
    restMiB: spread(
      runs.map(({ restMiB }) => restMiB),
      0,
    ),
    restCores: spread(
      runs.map(({ restCores }) => restCores),
      3,
    ),
  };
}
