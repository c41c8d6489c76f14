import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { round } from '../report';

/** What connections were found at: `wait_event_type: wait_event` of `pg_stat_activity`, or `CPU` where they waited for nothing. */
export type Waits = Readonly<Record<string, number>>;

type Seen = { readonly at: string; readonly count: number };

const EVERY_MS = 50;

/**
 * How many connections of a database were at something, on average: those in a statement, and those that hold a transaction open meanwhile
 * (`Client: ClientRead`: it is the program's turn). One that waits for a core counts as `CPU`.
 * @param work is watched, by a connection of its own that is not counted
 */
export async function watchWaits<T>(
  databaseUrl: string,
  work: () => Promise<T>,
): Promise<{ readonly waits: Waits; readonly result: T }> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const looks: Seen[][] = [];
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      looks.push(await lookAt(client));
      await sleep(EVERY_MS);
    }
  })();
  try {
    const result = await work();
    isOver = true;
    await watching;
    return { waits: averageOf(looks), result };
  } finally {
    isOver = true;
    await watching.catch(() => undefined);
    await client.end();
  }
}

async function lookAt(client: Client): Promise<Seen[]> {
  const { rows } = await client.query<Seen>(
    `SELECT coalesce(wait_event_type || ': ' || wait_event, 'CPU') AS at, count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' GROUP BY 1`,
  );
  return rows;
}

/** Of so many looks; the largest first. */
export function averageOf(looks: readonly (readonly Seen[])[]): Waits {
  const sums = new Map<string, number>();
  for (const { at, count } of looks.flat()) sums.set(at, (sums.get(at) ?? 0) + count);
  return Object.fromEntries(
    [...sums]
      .sort(([, one], [, other]) => other - one)
      .map(([at, sum]) => [at, round(sum / looks.length, 3)]),
  );
}
