import { type AppProcess } from '../../platform/app-process';
import { type Clocks, readClocks } from '../clocks';
import { busyMs, cpuMsOf, residentBytesOf } from '../cpu-time';
import { round } from '../report';
import { type Site } from './site';

/**
 * What was used since the processes started, in milliseconds: CPU of the program that sends, of Meta's stand-in, of Kafka and of the
 * connections in Postgres; `sql`, how long Postgres was at work on statements; and CPU of all that runs on this machine. Undefined: not known.
 */
export type Usage = Readonly<
  Record<'app' | 'simulator' | 'kafka' | 'database' | 'sql' | 'machine', number | undefined>
>;

/** @param pid of the program that sends */
export async function usageOf(
  { ground, database, simulatorPid }: Site,
  pid: number | undefined,
): Promise<Usage> {
  const { rows } = await database.client.query<{ active_time: number }>(
    'SELECT active_time FROM pg_stat_database WHERE datname = current_database()',
  );
  return {
    ...(await readClocks(ground, pid, database)),
    simulator: cpuMsOf([simulatorPid]),
    sql: rows[0]?.active_time,
    machine: busyMs(),
  };
}

const LOOK_MS = 250;
const MIB = 1024 * 1024;

/** For a person. */
export function usageText(used: Clocks): string {
  const each = Object.entries(used).map(([name, us = NaN]) => `${name} ${Math.round(us)}`);
  return `µs for each: ${each.join(', ')}`;
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
