import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The root of this clone, from the sources (tools/) as from the build (dist/tools/), which has a package.json of its own. */
export function repositoryRoot(): string {
  let directory = __dirname;
  while (!existsSync(join(directory, 'package-lock.json'))) {
    const above = dirname(directory);
    if (above === directory) throw new Error(`No package-lock.json in ${__dirname} or above it.`);
    directory = above;
  }
  return directory;
}
