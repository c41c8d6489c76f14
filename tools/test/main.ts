import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { runTool } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { runningStack, startStack } from '../stack/stack';

const root = join(__dirname, '../../..');
const stackDirectory = join(root, '.talaria');

// `npm test`: all tests, on a real Kafka and a real Postgres. Arguments go to jest.
runTool(async () => {
  const stopped = untilSignal();
  const running = runningStack(stackDirectory);
  if (running !== undefined) console.error(`Using the stack that process ${running.pid} runs.`);
  const stack =
    running ?? (await startStack({ directory: stackDirectory, say: (line) => console.error(line) }));
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
    if ('stop' in stack) await stack.stop();
  }
});
