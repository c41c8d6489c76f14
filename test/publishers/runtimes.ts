import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
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
  const jars = jarsFolder(join(root, '.talaria/kafka'));
  if (!existsSync(jars)) return { missing: `no ${jars}, which npm run stack makes` };
  try {
    return { command: requireJava(process.env, false), args: ['-cp', join(jars, '*')] };
  } catch {
    return { missing: 'no JDK 17 or newer' };
  }
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
      { cwd: root, env: { ...process.env, ...runtime.env, ...env }, timeout: 60_000 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${error.message}\n${stderr}`));
      },
    );
    child.stdin?.end(input);
  });
}
