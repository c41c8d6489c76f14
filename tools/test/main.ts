import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { useStack } from '../setup/use-stack';
import { endOrphans } from '../stack/child';
import { repositoryRoot } from '../stack/repository';

const root = repositoryRoot();

// `npm test`: all tests, on a real Kafka and a real Postgres. Arguments go to jest.
runTool(async () => {
  const stopped = untilSignal();
  const stack = await useStack((line) => console.error(line));
  try {
    const jest = spawn(
      process.execPath,
      [join(root, 'node_modules/jest/bin/jest.js'), ...process.argv.slice(2)],
      {
        cwd: root,
        stdio: 'inherit',
        env: { ...process.env, KAFKA_BROKERS: stack.kafkaBrokers, DATABASE_URL: stack.databaseUrl },
      },
    );
    void stopped.then(() => jest.kill('SIGTERM'));
    return await new Promise<number>((resolve, reject) => {
      jest.once('error', reject);
      jest.once('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    await tidyUp();
    await stack.stop();
  }
});

/** Ends what tests have started and, being interrupted, not ended. */
async function tidyUp(): Promise<void> {
  const directory = join(root, '.talaria/tests');
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory, { withFileTypes: true }).flatMap((one) =>
    one.isDirectory() ? [one.name] : [],
  )) {
    await endOrphans(join(directory, name, 'pids'));
    rmSync(join(directory, name), { recursive: true, force: true });
  }
}
