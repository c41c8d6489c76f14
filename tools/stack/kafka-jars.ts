import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository';

const pom = () => join(repositoryRoot(), 'tools', 'stack', 'pom.xml');

/** The folder under `directory` that holds, or will hold, the jars of the version that pom.xml names. */
export function jarsFolder(directory: string): string {
  const version = /<kafka\.version>(.+?)<\/kafka\.version>/.exec(readFileSync(pom(), 'utf8'))?.[1];
  if (!version) throw new Error(`${pom()} names no <kafka.version>.`);
  return join(directory, `libs-${version}`);
}

/**
 * Fetches Kafka's jars into `folder` with Maven, unless it exists. The folder appears complete or not at all, so a
 * fetch that was interrupted is done again. `onFetch` is called before anything is downloaded.
 */
export async function fetchJars(folder: string, env: NodeJS.ProcessEnv, onFetch: () => void): Promise<void> {
  if (existsSync(folder)) return;
  onFetch();
  mkdirSync(join(folder, '..'), { recursive: true });
  const half = mkdtempSync(`${folder}.fetching-`);
  try {
    await copyDependencies(half, env);
    renameSync(half, folder);
  } catch (error) {
    // Another process may have been quicker.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
}

/** Removes what interrupted fetches have left. Only for the holder of the directory's lock. */
export function removeHalfFetched(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    if (name.includes('.fetching-')) rmSync(join(directory, name), { recursive: true, force: true });
  }
}

function copyDependencies(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const args = ['-q', '-B', 'dependency:copy-dependencies', '-f', pom(), `-DoutputDirectory=${folder}`];
  const maven = spawn('mvn', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [maven.stdout, maven.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4_000)));
  }
  return new Promise((resolve, reject) => {
    maven.once('error', reject);
    maven.once('close', (code, signal) => {
      if (code === 0) {
        resolve();
        return;
      }
      const why = signal ?? `exit code ${String(code)}`;
      reject(
        new Error(
          `Maven could not fetch Kafka's jars (${why}). It needs Maven Central or a mirror named in ~/.m2/settings.xml; ` +
            `KAFKA_BROKERS names a cluster that runs already. It said:\n${output.trim() || '(nothing)'}`,
        ),
      );
    });
  });
}
