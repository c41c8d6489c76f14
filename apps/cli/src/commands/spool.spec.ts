import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../testing/run-cli';

it.each([
  [['status', 'more'], 'too many arguments'],
  [['status', '--folder', 'x'], "unknown option '--folder'"],
  [['verify'], 'name the folder by --dir, or by SPOOL_DIR'],
])('a wrong command line is refused: %j', async (args, problem) => {
  const { code, err } = await runCli(['spool', ...args]);
  expect([code, err]).toEqual([2, expect.stringContaining(problem)]);
});

it('tells who holds a spool, and takes its folder from --dir before SPOOL_DIR', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'spool-'));
  const owner = { pid: 999_999, host: 'another-machine', place: 'elsewhere' };
  writeFileSync(join(directory, 'spool.lock'), JSON.stringify(owner));
  for (const [args, env] of [
    [['--dir', directory], { SPOOL_DIR: '/nowhere' }],
    [[], { SPOOL_DIR: directory }],
  ] as const)
    expect(await runCli(['spool', 'status', ...args], { env })).toMatchObject({
      code: 0,
      out: `folder     ${directory}
held by    process 999999 on another-machine
waiting    0 bytes in 0 segments
`,
    });
  rmSync(directory, { recursive: true });
});

it.each(['status', 'verify', 'replay'])('%s of a folder that is not there says so', async (verb) => {
  expect(await runCli(['spool', verb, '--dir', '/nowhere'])).toEqual({
    code: 3,
    out: '',
    err: "error: there is no folder /nowhere: name the spool's by --dir or SPOOL_DIR\n",
  });
});
