import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { ops, ruleFiles, testFiles } from './files';

const run = promisify(execFile);
const promtool = process.env.PROMTOOL ?? 'promtool';
const amtool = process.env.AMTOOL ?? 'amtool';

/** A test that needs a program; without it, it is skipped and says what to install. */
function needs(program: string, name: string, test: () => Promise<void>): void {
  const isThere = spawnSync(program, ['--version']).error === undefined;
  if (isThere) it(name, test, 120_000);
  else
    it.skip(
      `${name} (skipped: no ${program}; Debian has it in prometheus and prometheus-alertmanager)`,
      test,
    );
}

needs(promtool, 'Prometheus takes the configuration and the rules', async () => {
  const { stdout } = await run(promtool, ['check', 'config', ops('prometheus/prometheus.yml')]);
  expect(stdout).toContain(`${ruleFiles().length} rule files found`);
});

needs(promtool, 'every alert fires and is quiet as its cases say', async () => {
  // They end with an error when a case fails, and tell which.
  await Promise.all(
    testFiles().map((file) =>
      run(promtool, ['test', 'rules', file]).catch((error: unknown) => {
        throw new Error((error as { stdout: string }).stdout);
      }),
    ),
  );
});

needs(
  amtool,
  'Alertmanager takes its configuration, and wakes people for what is critical only',
  async () => {
    const file = ops('alertmanager/alertmanager.yml');
    await run(amtool, ['check-config', file]);
    const routeOf = async (...labels: string[]) =>
      (await run(amtool, ['config', 'routes', 'test', `--config.file=${file}`, ...labels])).stdout.trim();
    expect(await routeOf('alertname=TokenRejected', 'severity=critical')).toBe('page');
    expect(await routeOf('alertname=NumberParked', 'severity=warning')).toBe('ticket');
    expect(await routeOf('alertname=Watchdog', 'severity=info')).toBe('watchdog');
  },
);
