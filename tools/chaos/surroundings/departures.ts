import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../stack/repository';

/** A call to Meta, as a process makes it; it may have to wait for a connection yet. */
export type Departure = {
  readonly phoneNumberId: string;
  readonly callbackData?: string;
  /** Milliseconds since 1970. */
  readonly at: number;
};

/** A call that ended without an answer, seen there too. */
export type FailedCall = Pick<Departure, 'callbackData'> & { readonly failedAfterMs: number };

/** When dispatchers called Meta, seen in the processes, and by none of their code. */
export type Departures = {
  /** What a process needs in its environment for its calls to be seen. */
  environmentOf(name: string): Record<string, string>;
  /** Those of all processes until now, killed ones included. */
  read(): Departure[];
  /** Likewise those that ended without an answer after so many milliseconds or more. Of a process that was killed, nobody knows. */
  readFailed(afterMs: number): FailedCall[];
};

const ENDING = '.departures';
/** A timer's clock is kept in whole milliseconds, and it starts a little before the call. */
const TIMERS_DIFFER_MS = 20;

/** @param directory which exists, and is removed by whoever made it */
export function departuresIn(directory: string): Departures {
  const lines = () =>
    readdirSync(directory)
      .filter((name) => name.endsWith(ENDING))
      .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Departure | FailedCall);
  return {
    environmentOf: (name) => ({
      NODE_OPTIONS: `--require ${join(repositoryRoot(), 'dist/tools/chaos/surroundings/departure-log.js')}`,
      CHAOS_DEPARTURES_FILE: join(directory, `${name}${ENDING}`),
    }),
    read: () => lines().filter((line) => 'at' in line),
    readFailed: (afterMs) =>
      lines().filter(
        (line) => 'failedAfterMs' in line && line.failedAfterMs > afterMs - TIMERS_DIFFER_MS,
      ) as FailedCall[],
  };
}
