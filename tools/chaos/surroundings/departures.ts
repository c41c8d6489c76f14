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
export type FailedCall = { readonly callbackData?: string; readonly failedAfterMs: number };

/** When dispatchers called Meta, seen in the processes, and by none of their code. */
export type Departures = {
  /** What a process needs in its environment for its calls to be seen. */
  environmentOf(name: string): Record<string, string>;
  /** Those of all processes until now, killed ones included. */
  read(): Departure[];
  /** Likewise what failed of these. Of a process that was killed, nobody knows. */
  readFailed(): FailedCall[];
};

const ENDING = '.departures';

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
    readFailed: () => lines().filter((line) => 'failedAfterMs' in line),
  };
}
