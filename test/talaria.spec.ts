import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import packageJson from '../package.json';
import { repositoryRoot } from '../tools/stack/repository';

/** `talaria …`, as a process with nothing but this environment. */
async function talaria(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const script = join(repositoryRoot(), packageJson.bin.talaria);
  const child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

it('is a program whose exit codes and outputs say how it went, and that shows no stack', async () => {
  const [version, wrong, away] = await Promise.all([
    talaria(['--version']),
    talaria(['topics', 'mend']),
    talaria(['topics', 'diff'], { KAFKA_BROKERS: '127.0.0.1:1' }),
  ]);
  expect(version).toEqual({ code: 0, out: `${packageJson.version}\n`, err: '' });
  expect(wrong).toEqual({
    code: 2,
    out: '',
    err: "error: unknown command 'mend'\nSee: talaria topics --help\n",
  });
  expect(away).toMatchObject({ code: 4, out: '', err: expect.stringMatching(/^error: Kafka does not.*\n$/) });
}, 120_000);
