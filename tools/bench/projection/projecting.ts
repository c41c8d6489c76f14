import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '@talaria/contracts';
import { freePorts } from '../../stack/ports';
import { type Clocks, cpuColumns, readClocks, usedForEach } from '../clocks';
import { residentBytesOf } from '../cpu-time';
import { type Result, round, spread } from '../report';
import { type Database, type Ground } from './ground';
import { findFacts } from './find-facts';
import { factOf } from './records';

/** How fast some records became rows. */
export type Timed = {
  readonly records: number;
  readonly seconds: number;
  /** Microseconds of CPU for each record: of the program (`app`), of Kafka, and of its connections in Postgres. */
  readonly cpuUs: Clocks;
};

/** How the topic was projected, from the first records that were seen projected to the last one. */
export type Run = Timed & {
  /** How much was projected when. */
  readonly curve: readonly { readonly atMs: number; readonly projected: number }[];
  readonly maxResidentMiB: number;
};

/** @property lost records whose row is not there */
export type Checked = Run & { readonly lost: number };

export type Projecting = {
  /** Resolves when all that is in the topic is projected. @throws when it does not go on */
  untilDone(): Promise<Run>;
  stop(): Promise<void>;
};

const POLL_MS = 50;
const STALLED_MS = 120_000;
const MIB = 1024 * 1024;
const LOOKED_UP_AT_ONCE = 10_000;

/** The processor on this database, from the beginning of the topic or from the database's checkpoints. */
export async function startProjecting(ground: Ground, database: Database): Promise<Projecting> {
  await forgetGroups(ground);
  const [metricsPort = 0] = await freePorts(1);
  const server = await ground.startServer('processor', 'apps/processor/src/main.js', {
    DATABASE_URL: database.url,
    METRICS_PORT: String(metricsPort),
  });
  const { topic, signal } = ground;

  async function untilDone(): Promise<Run> {
    const curve: Run['curve'][number][] = [];
    let before: Clocks | undefined;
    let maxResident = 0;
    for (;;) {
      signal.throwIfAborted();
      const projected = await countProjected(ground, database);
      const atMs = performance.now();
      const last = curve.at(-1);
      if (projected > 0) {
        before ??= await readClocks(ground, server.pid, database);
        if (projected > (last?.projected ?? 0)) curve.push({ atMs, projected });
        else if (last !== undefined && atMs - last.atMs > STALLED_MS) throw new Error(stalled(projected));
      }
      maxResident = Math.max(maxResident, residentBytesOf(server.pid ?? 0) ?? NaN);
      if (projected >= topic.count) break;
      await sleep(POLL_MS, undefined, { signal });
    }
    const [first, last] = [curve[0], curve.at(-1)];
    if (before === undefined || first === undefined || last === undefined) throw new Error('nothing to do');
    const records = last.projected - first.projected;
    const after = await readClocks(ground, server.pid, database);
    return {
      ...timed(records, (last.atMs - first.atMs) / 1000, before, after),
      curve,
      maxResidentMiB: maxResident / MIB,
    };
  }

  const stalled = (projected: number) =>
    `${projected} of ${topic.count} records are projected, and it does not go on; see ${server.logFile}`;

  return {
    untilDone,
    async stop() {
      const how = await server.stop();
      if (how !== 'exit code 0')
        throw new Error(`the processor did not end cleanly (${how}); see ${server.logFile}`);
    },
  };
}

/** Projects the topic once. */
export async function project(ground: Ground, database: Database): Promise<Checked> {
  const projecting = await startProjecting(ground, database);
  const run = await projecting.untilDone();
  await projecting.stop();
  return { ...run, lost: await countLost(ground, database) };
}

export const rateOf = ({ records, seconds }: Timed) => records / seconds;

/** What the rounds of one way to project have in common. */
export function resultOf(name: string, runs: readonly (Timed & Partial<Checked>)[]): Result {
  return {
    name,
    rate: spread(runs.map(rateOf), 0),
    p50Ms: null,
    p99Ms: null,
    ...cpuColumns(runs.map(({ cpuUs }) => cpuUs)),
    records: runs[0]?.records ?? 0,
    ...(runs.every(({ maxResidentMiB }) => maxResidentMiB !== undefined) && {
      maxResidentMiB: round(Math.max(...runs.map(({ maxResidentMiB = NaN }) => maxResidentMiB)), 0),
    }),
    ...(runs.every(({ lost }) => lost !== undefined) && {
      lost: runs.reduce((sum, { lost = 0 }) => sum + lost, 0),
    }),
  };
}

export function timed(records: number, seconds: number, before: Clocks, after: Clocks): Timed {
  return { records, seconds, cpuUs: usedForEach(before, after, records) };
}

/** As if nobody had ever read the topic: the next group begins where the topic does. */
export async function forgetGroups({ admin, config }: Ground): Promise<void> {
  const { groups } = await admin.listGroups();
  const own = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(config.KAFKA_PREFIX));
  if (own.length > 0) await admin.deleteGroups(own);
}

async function countProjected({ topic }: Ground, { client }: Database): Promise<number> {
  const { rows } = await client.query<{ partition: number; next_offset: string }>(
    'SELECT partition, next_offset FROM projection_1.projection_checkpoints WHERE topic = $1',
    [topics.webhooks.name],
  );
  const done = rows.map((row) => Number(row.next_offset) - (topic.lows.get(row.partition) ?? 0));
  return done.reduce((sum, count) => sum + Math.max(count, 0), 0);
}

/** Looks for the row of every record of the topic. */
export async function countLost(
  { topic: { first, count }, signal }: Ground,
  database: Database,
): Promise<number> {
  let found = 0;
  for (let done = 0; done < count; done += LOOKED_UP_AT_ONCE) {
    signal.throwIfAborted();
    const many = Math.min(LOOKED_UP_AT_ONCE, count - done);
    const facts = Array.from({ length: many }, (_, place) => factOf(first + done + place));
    found += (await findFacts(database, facts)).length;
  }
  return count - found;
}
