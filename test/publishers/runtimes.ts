import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { jarsFolder } from '../../tools/stack/kafka-jars';
import { repositoryRoot } from '../../tools/stack/repository';
import { requireJava } from '../../tools/stack/toolchain';

/** How a program of another language is started on this machine, or what is missing for it. */
export type Runtime =
  | {
      readonly command: string;
      readonly args: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    }
  | { readonly missing: string };

const root = repositoryRoot();
const requirements = ['test/publishers/requirements.txt', 'examples/python/requirements.txt'].map((name) =>
  join(root, name),
);

/** Python with its Kafka clients, which are installed once, below .talaria. */
export function findPython(): Runtime {
  const wanted = createHash('sha256');
  for (const file of requirements) wanted.update(readFileSync(file));
  const folder = join(root, '.talaria/python', wanted.digest('hex').slice(0, 12));
  const problem = existsSync(folder) ? undefined : install(folder);
  if (problem !== undefined) return { missing: problem };
  return { command: 'python3', args: [], env: { PYTHONPATH: folder } };
}

function install(folder: string): string | undefined {
  mkdirSync(join(folder, '..'), { recursive: true });
  const half = mkdtempSync(`${folder}.installing-`);
  const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '--target', half];
  const { status, error, stderr } = spawnSync('python3', [...pip, '-r', requirements[0] ?? ''], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status === 0) renameSync(half, folder);
  rmSync(half, { recursive: true, force: true });
  if (error !== undefined) return `no python3 (${error.message})`;
  return status === 0
    ? undefined
    : `pip cannot install ${requirements[0] ?? ''}: ${stderr.trim().slice(-200)}`;
}

export function findKcat(): Runtime {
  const found = ['kcat', 'kafkacat'].find((name) => spawnSync(name, ['-V']).status === 0);
  return found === undefined ? { missing: 'no kcat' } : { command: found, args: [] };
}

/** Java that runs a single source file with the jars of the development stack's Kafka. */
export function findJava(): Runtime {
  const jars = jarsFolder();
  if (!existsSync(jars)) return { missing: `no ${jars}, which npm run stack makes` };
  try {
    return { command: requireJava(process.env, false), args: ['-cp', join(jars, '*')] };
  } catch {
    return { missing: 'no JDK 17 or newer' };
  }
}

/**
 * Makes the client package, installs what npm would ship of it into an empty folder outside this repository, whose packages must not help it,
 * and compiles the program there.
 * @returns the compiled program
 */
export async function compileBesideClient(program: string, folder: string): Promise<string> {
  const node: Runtime = { command: process.execPath, args: [] };
  const npm: Runtime = { command: 'npm', args: ['--prefix', folder, '--no-audit', '--no-fund', '--silent'] };
  await run(node, [join(root, 'tools/client/build.mjs')]);
  writeFileSync(join(folder, 'package.json'), '{}');
  const packed = await run(npm, ['pack', '--pack-destination', folder, join(root, 'dist/client')]);
  await run(npm, ['install', '--prefer-offline', join(folder, packed.trim())]);
  copyFileSync(program, join(folder, 'program.ts'));
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  const options = ['--ignoreConfig', '--strict', '--target', 'es2022', '--module', 'node16', ...types];
  await run(node, [join(root, 'node_modules/typescript/bin/tsc'), ...options, join(folder, 'program.ts')]);
  return join(folder, 'program.js');
}

/** @returns what it printed @throws when it fails, with what it complained of */
export async function run(
  runtime: Runtime,
  args: readonly string[],
  { input = '', env = {} }: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  if ('missing' in runtime) throw new Error(runtime.missing);
  return new Promise((resolve, reject) => {
    const child = execFile(
      runtime.command,
      [...runtime.args, ...args],
      { cwd: root, env: { ...process.env, ...runtime.env, ...env }, timeout: 120_000 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${error.message}\n${stdout}${stderr}`));
      },
    );
    child.stdin?.end(input);
  });
}
