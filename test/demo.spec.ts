import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { repositoryRoot } from '../tools/stack/repository';

/** As built: `npm run demo` would build again, beneath the processes of other tests. */
const demo = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, ['dist/tools/demo/main.js', ...args], {
    cwd: repositoryRoot(),
    timeout: 150_000,
  });

describe('the demo', () => {
  it('ends by itself with one JSON line that says nothing is lost or doubled', async () => {
    const { stdout, stderr } = await demo('--seconds', '8', '--json');
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(1);
    const result = JSON.parse(lines[0] ?? '') as Record<'webhooks' | 'commands', Record<string, number>>;
    expect(result).toMatchObject({
      webhooks: { lost: 0, duplicated: 0 },
      commands: { lost: 0, doubled: 0 },
    });
    expect(result.webhooks.acked).toBeGreaterThan(200);
    expect(result.webhooks.projected).toBe(result.webhooks.acked);
    expect(result.commands.delivered).toBeGreaterThan(100);
    expect(stderr).toMatch(/Traces +(none\. Jaeger is not here: .*npm run jaeger|http:|sent to )/);
  }, 160_000);

  it.each([
    [['--seconds', 'soon'], '--seconds must be a whole number'],
    [['--json'], '--json needs --seconds'],
    [['--loud'], 'usage: npm run demo'],
  ])(
    'refuses %j and says what it takes',
    async (args, expected) => {
      await expect(demo(...args)).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining(expected),
      });
    },
    60_000,
  );
});
