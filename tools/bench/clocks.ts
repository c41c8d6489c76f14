import { cpuMsOf } from './cpu-time';
import { type Database, databaseCpuMs } from './database';
import { type Ground } from './ground';
import { median, type Result, round } from './report';

/** CPU time that processes have used since they started, in milliseconds, by what they are; undefined: not known. */
export type Clocks = Readonly<Record<string, number | undefined>>;

/** In no sum: what makes the load, what stands in for Meta, and what tells the same in another way. */
const beside = new Set(['generator', 'simulator', 'sql', 'machine']);

/** Of a program, of Kafka, and of all connections of a database but the benchmark's own. */
export async function readClocks(
  { kafkaPids }: Pick<Ground, 'kafkaPids'>,
  pid: number | undefined,
  database: Database,
): Promise<Record<'app' | 'kafka' | 'database', number | undefined>> {
  return {
    app: pid === undefined ? undefined : cpuMsOf([pid]),
    kafka: kafkaPids && cpuMsOf(kafkaPids),
    database: await databaseCpuMs(database),
  };
}

/** Microseconds for each of so many. */
export function usedForEach<Of extends Clocks>(before: Of, after: Of, count: number): Of {
  const each = Object.entries(before).map(([name, from]) => {
    const to = after[name];
    return [name, from === undefined || to === undefined ? undefined : ((to - from) * 1000) / count];
  });
  return Object.fromEntries(each) as Of;
}

/** What those that do the work used together; undefined when it is not known of one of them. */
export function workOf(clocks: Clocks): number | undefined {
  const work = Object.entries(clocks).filter(([name]) => !beside.has(name));
  const sum = work.reduce((all, [, us = NaN]) => all + us, 0);
  return work.length === 0 || Number.isNaN(sum) ? undefined : sum;
}

/** The middle of several rounds, and the sum of those that do the work; null where one is not known. */
export function cpuColumns<Of extends Clocks>(
  all: readonly Of[],
): { readonly cpuUs: number | null; readonly cpu: Record<keyof Of, number | null> } & Pick<Result, 'cpu'> {
  const middle = (name: string) => {
    const known = all.map((clocks) => clocks[name]).filter((value) => value !== undefined);
    return known.length < all.length ? null : round(median(known), 1);
  };
  const each = Object.keys(all[0] ?? {}).map((name) => [name, middle(name)] as const);
  const summed = each.filter(([name]) => !beside.has(name)).map(([, us]) => us);
  const known = summed.filter((us) => us !== null);
  const isKnown = known.length > 0 && known.length === summed.length;
  return {
    cpuUs: isKnown
      ? round(
          known.reduce((sum, us) => sum + us, 0),
          1,
        )
      : null,
    cpu: Object.fromEntries(each) as Record<keyof Of, number | null>,
  };
}
