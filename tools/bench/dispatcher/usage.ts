import { type AppProcess } from '../../platform/app-process';
import { busyMs, cpuMsOf, residentBytesOf } from '../cpu-time';
import { databaseCpuMs } from '../database';
import { median, round } from '../report';
import { type Site } from './site';

const names = ['app', 'simulator', 'kafka', 'database', 'sql', 'machine'] as const;

/**
 * What was used since the processes started, in milliseconds: CPU of the program that sends, of Meta's stand-in, of Kafka and of the
 * connections in Postgres; `sql`, how long Postgres was at work on statements; and CPU of all that runs on this machine. Undefined: not known.
 */
export type Usage = Readonly<Record<(typeof names)[number], number | undefined>>;

/** @param pid of the program that sends */
export async function usageOf(
  { ground, database, simulatorPid }: Site,
  pid: number | undefined,
): Promise<Usage> {
  const { rows } = await database.client.query<{ active_time: number }>(
    'SELECT active_time FROM pg_stat_database WHERE datname = current_database()',
  );
  return {
    app: pid === undefined ? undefined : cpuMsOf([pid]),
    simulator: cpuMsOf([simulatorPid]),
    kafka: ground.kafkaPids && cpuMsOf(ground.kafkaPids),
    database: await databaseCpuMs(database),
    sql: rows[0]?.active_time,
    machine: busyMs(),
  };
}

/** Microseconds for each of so many messages. */
export function usedForEach(before: Usage, after: Usage, messages: number): Usage {
  const each = (name: keyof Usage) => {
    const [from, to] = [before[name], after[name]];
    return from === undefined || to === undefined ? undefined : ((to - from) * 1000) / messages;
  };
  return Object.fromEntries(names.map((name) => [name, each(name)])) as Usage;
}

/** The middle of several rounds, and the sum of what Talaria causes: all but Meta's stand-in. */
export function usageColumns(all: readonly Usage[]): {
  readonly cpuUs: number | null;
  readonly cpu: Readonly<Record<keyof Usage, number | null>>;
} {
  const middle = (name: keyof Usage) => {
    const known = all.map((usage) => usage[name]).filter((value) => value !== undefined);
    return known.length < all.length ? null : round(median(known), 1);
  };
  const cpu = Object.fromEntries(names.map((name) => [name, middle(name)])) as Record<
    keyof Usage,
    number | null
  >;
  const { app, kafka, database } = cpu;
  return {
    cpuUs: app === null || kafka === null || database === null ? null : round(app + kafka + database, 1),
    cpu,
  };
}

const LOOK_MS = 250;
const MIB = 1024 * 1024;

/** For a person. */
export function usageText(used: Usage): string {
  return `µs for each: ${names.map((name) => `${name} ${Math.round(used[name] ?? NaN)}`).join(', ')}`;
}

/** Watches the resident memory of a process. @returns ends it, and tells the most that was seen in MiB */
export function watchMemory({ pid = 0 }: AppProcess): () => number {
  let most = 0;
  const look = () => (most = Math.max(most, residentBytesOf(pid) ?? NaN));
  const timer = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(timer);
    look();
    return round(most / MIB, 0);
  };
}
