import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '../stack/repository';
import { toolsBin } from './manifests';

/** Of Kubernetes itself; its staging modules have 0 for 1. The module in apiserver/ pins what it is built of. */
export const KUBERNETES = '1.37.2';

/** Small programs, a minute of CPU time together, and what `go install` makes them of. */
const small = {
  kustomize: 'sigs.k8s.io/kustomize/kustomize/v5@v5.8.1',
  kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0',
  'controller-gen': 'sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0',
} as const;

export type Say = (line: string) => void;

/** @throws {Error} saying what to install when there is no Go */
export async function buildSmallPrograms(say: Say): Promise<void> {
  for (const [name, module] of Object.entries(small)) {
    if (existsSync(toolsBin(name))) continue;
    say(`Building ${name} from ${module}.`);
    await go(['install', '-trimpath', '-ldflags=-s -w', module], { GOBIN: dirname(toolsBin(name)) });
  }
}

/** @returns the program's place */
export async function buildApiServer(say: Say): Promise<string> {
  const place = toolsBin('kube-apiserver');
  if (existsSync(place)) return place;
  say(`Building kube-apiserver ${KUBERNETES}: about 9 minutes of CPU time, once.`);
  const [major, minor] = KUBERNETES.split('.');
  const version = 'k8s.io/component-base/version';
  const flags = `-s -w -X ${version}.gitVersion=v${KUBERNETES} -X ${version}.gitMajor=${major} -X ${version}.gitMinor=${minor}`;
  const module = join(repositoryRoot(), 'tools/kubernetes/apiserver');
  const program = 'k8s.io/kubernetes/cmd/kube-apiserver';
  await go(['build', '-C', module, '-trimpath', `-ldflags=${flags}`, '-o', place, program]);
  return place;
}

/** @returns the folder of a Go module's files, which Go has checked against the checksum database */
export function moduleFolder(module: string): string {
  const { status, stdout, error } = spawnSync('go', ['mod', 'download', '-json', module], {
    encoding: 'utf8',
    cwd: '/',
  });
  if (error !== undefined) throw new Error(withoutGo);
  const { Dir: directory, Error: fault } = JSON.parse(stdout) as { Dir?: string; Error?: string };
  if (status !== 0 || directory === undefined) throw new Error(`go mod download ${module}: ${fault}`);
  return directory;
}

export const hasGo = () => spawnSync('go', ['version']).error === undefined;
const withoutGo = 'Manifests are checked with programs that Go builds: install Go 1.26 or newer';

/** Its output is for people. */
async function go(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  if (!hasGo()) throw new Error(withoutGo);
  mkdirSync(dirname(toolsBin('any')), { recursive: true });
  await run('go', args, { env: { ...process.env, ...env } });
}

/** Runs a program that works in silence to its end. @throws {Error} with what it said */
export async function run(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<void> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => said.push(part));
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(exit ?? signal ?? 1));
  });
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${Buffer.concat(said).toString()}`);
}
