import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../stack/repository';

/** How the clocks of processes are set from outside. */
export type Clocks = {
  /** What a process needs in its environment for its clock to be set. */
  environmentOf(name: string): Record<string, string>;
  /** By so many milliseconds from the machine's; 0 sets it right. It is seen within a tenth of a second. */
  set(name: string, byMs: number): void;
};

/** @param directory which exists, and is removed by whoever made it */
export function clocksIn(directory: string): Clocks {
  const fileOf = (name: string) => join(directory, `${name}.clock`);
  return {
    environmentOf: (name) => ({
      NODE_OPTIONS: `--require ${join(repositoryRoot(), 'dist/tools/chaos/surroundings/steppable-clock.js')}`,
      CHAOS_CLOCK_FILE: fileOf(name),
    }),
    set: (name, byMs) => writeFileSync(fileOf(name), String(byMs)),
  };
}
