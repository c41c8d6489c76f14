import { spawnSync } from 'node:child_process';
import { stringify } from 'yaml';
import { runTool, UsageError } from '../setup/run-tool';
import { untilSignal } from '../setup/until-signal';
import { startApiServer } from './api-server';
import { type Crd, fetchCrds } from './crds';
import { checkByServer } from './check-by-server';
import { type Manifest, toolsBin, variants } from './manifests';
import { buildApiServer, buildSmallPrograms } from './programs';
import { schemaLocation, writeSchemas } from './schemas';

/** The exit code when nothing was checked, apart from that of a fault in the manifests. */
const NOT_FETCHED = 3;

const say = (line: string) => console.error(line);
type Rendered = { readonly name: string; readonly manifests: readonly Manifest[] };

// `npm run kubernetes`: whether the manifests in k8s/ are right, by the schemas of everything in them and by a real API server. What it needs it builds
// into .talaria/tools, once. `--schemas` leaves out the server, which takes minutes to build.
runTool(async () => {
  const args = process.argv.slice(2).join(' ');
  if (args !== '' && args !== '--schemas') throw new UsageError('usage: npm run kubernetes [-- --schemas]');
  const crds = await fetchAll();
  if (crds === undefined) return NOT_FETCHED;
  writeSchemas(crds);
  const kustomize = [toolsBin('kustomize'), 'build'];
  const rendered = variants.map(({ name, render }) => ({
    name,
    manifests: leaveOut(render(kustomize), crds),
  }));
  const faults = rendered.flatMap(faultsBySchema);
  if (args === '') {
    const server = await startApiServer(await buildApiServer(say));
    const interrupted = untilSignal().then((signal) => {
      throw new Error(`ended by ${signal}`);
    });
    try {
      faults.push(...(await Promise.race([checkByServer(server, crds, rendered), interrupted])));
    } finally {
      await server.stop();
    }
  }
  for (const fault of faults) console.log(fault);
  const by = args === '' ? 'their schemas and the API server' : 'their schemas';
  const count = rendered.reduce((sum, { manifests }) => sum + manifests.length, 0);
  say(
    faults.length === 0
      ? `${count} objects in ${rendered.length} variants are right by ${by}.`
      : 'See above.',
  );
  return faults.length === 0 ? 0 : 1;
});

/** Programs and CRDs; undefined, once it was said why, when they cannot be had. */
async function fetchAll(): Promise<Crd[] | undefined> {
  try {
    await buildSmallPrograms(say);
    return await fetchCrds(say);
  } catch (error) {
    say(`What checks the manifests could not be fetched: ${(error as Error).message}`);
    return undefined;
  }
}

/** What of Strimzi's cannot be checked here, as was said. */
function leaveOut(manifests: readonly Manifest[], crds: readonly Crd[]): Manifest[] {
  const hasStrimzi = crds.some(({ spec }) => spec.group === 'kafka.strimzi.io');
  return manifests.filter(({ apiVersion }) => hasStrimzi || !apiVersion.startsWith('kafka.strimzi.io/'));
}

function faultsBySchema({ name, manifests }: Rendered): string[] {
  const { status, stdout, stderr, error } = spawnSync(
    toolsBin('kubeconform'),
    ['-strict', '-output', 'json', '-schema-location', schemaLocation(), '-'],
    { input: manifests.map((manifest) => stringify(manifest)).join('---\n'), encoding: 'utf8' },
  );
  if (error !== undefined) throw error;
  if (status === 0) return [];
  if (stdout === '') throw new Error(`kubeconform: ${stderr}`);
  const { resources } = JSON.parse(stdout) as {
    resources: { kind: string; name: string; msg: string }[];
  };
  return resources.map((one) => `${name}: ${one.kind} ${one.name}: ${one.msg}`);
}
