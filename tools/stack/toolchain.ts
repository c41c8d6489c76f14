import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Kafka 4's brokers are compiled for this one. */
const JAVA_AT_LEAST = 17;

/**
 * The `java` to start Kafka with: JAVA_HOME's, else the one on PATH, whichever is new enough. Throws one error that
 * names everything that is missing, Maven included when the jars have yet to be fetched.
 */
export function requireJava(env: NodeJS.ProcessEnv, needsMaven: boolean): string {
  const candidates = ['java'];
  if (env.JAVA_HOME) candidates.unshift(join(env.JAVA_HOME, 'bin', 'java'));
  const found = candidates.map((command) => ({ command, version: javaVersion(command, env) }));
  const java = found.find(({ version }) => version !== undefined && version >= JAVA_AT_LEAST);

  const missing: string[] = [];
  if (!java) {
    const tooOld = found.find(({ version }) => version !== undefined)?.version;
    missing.push(
      `a JDK ${JAVA_AT_LEAST} or newer (${tooOld ? `Java ${tooOld} is too old` : 'no java found'})`,
    );
  }
  if (needsMaven && !hasMaven(env)) missing.push('Maven 3.8 or newer (no mvn found)');
  if (!java || missing.length > 0) throw new Error(waysOut(missing));
  return java.command;
}

/** The major version in what `java -version` prints: 17 in `openjdk version "17.0.15"`, 8 in `"1.8.0_392"`. */
export function majorVersion(printed: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(printed);
  return match ? Number(match[1]) : undefined;
}

function javaVersion(command: string, env: NodeJS.ProcessEnv): number | undefined {
  const { status, stderr } = spawnSync(command, ['-version'], { env, encoding: 'utf8', timeout: 30_000 });
  return status === 0 ? majorVersion(stderr) : undefined;
}

function hasMaven(env: NodeJS.ProcessEnv): boolean {
  // Not --version: that fails without Java, which is then named twice.
  const { error } = spawnSync('mvn', ['--help'], { env, stdio: 'ignore', timeout: 30_000 });
  return (error as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT';
}

function waysOut(missing: readonly string[]): string {
  return [
    `Kafka cannot be started here; missing: ${missing.join(', and ')}. Either`,
    `  - install ${missing.length > 1 ? 'them' : 'it'}: "apt-get install openjdk-17-jdk-headless maven" on Debian or Ubuntu, ` +
      `"brew install openjdk maven" on macOS;`,
    `  - or name a Kafka cluster that runs already: KAFKA_BROKERS=host:port[,host:port];`,
    `  - or, with Docker: "docker compose up -d", then`,
    `      export KAFKA_BROKERS=localhost:9092`,
    `      export DATABASE_URL=postgres://talaria:talaria@localhost:5432/talaria`,
  ].join('\n');
}
