import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { repositoryRoot } from './repository';

const pom = () => join(repositoryRoot(), 'tools', 'stack', 'pom.xml');

/** Longer than a fetch takes. */
const HALF_KEPT_MS = 60 * 60_000;

/** The folder of this clone that holds, or will hold, the jars of the version that pom.xml names: for all stacks, wherever their data are. */
export function jarsFolder(): string {
  const version = /<kafka\.version>(.+?)<\/kafka\.version>/.exec(readFileSync(pom(), 'utf8'))?.[1];
  if (!version) throw new Error(`${pom()} names no <kafka.version>.`);
  return join(repositoryRoot(), '.talaria', 'kafka', `libs-${version}`);
}

/**
 * Fetches Kafka's jars into `folder` with Maven, unless it exists. The folder appears complete or not at all, so a
 * fetch that was interrupted is done again. `onFetch` is called before anything is downloaded.
 */
export async function fetchJars(folder: string, env: NodeJS.ProcessEnv, onFetch: () => void): Promise<void> {
  if (existsSync(folder)) return;
  onFetch();
  const half = makeHalf(folder);
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

/** A folder beside `folder` for what is not complete yet. Those that were left there by whoever was interrupted are removed. */
export function makeHalf(folder: string): string {
  const directory = dirname(folder);
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(`${basename(folder)}.half-`)) continue;
    const half = join(directory, name);
    // It may be complete by now, and gone.
    const { mtimeMs = Infinity } = statSync(half, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs > HALF_KEPT_MS) rmSync(half, { recursive: true, force: true });
  }
  return mkdtempSync(`${folder}.half-`);
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
