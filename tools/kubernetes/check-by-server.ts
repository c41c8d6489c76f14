import { type ApiServer } from './api-server';
import { type Crd } from './crds';
import { type Manifest, workloadsOf } from './manifests';

type Rendered = { readonly name: string; readonly manifests: readonly Manifest[] };

/**
 * Asks a server, which knows nothing yet, for each object whether it would take it, and each pod as well: what breaks Pod Security is refused as a pod, and only
 * warned of as a Deployment. Warnings are faults.
 * @returns a line for each fault
 */
export async function checkByServer(
  server: ApiServer,
  crds: readonly Crd[],
  rendered: readonly Rendered[],
): Promise<string[]> {
  const faults: string[] = [];
  /** What is kept is only the ground for the rest: of CRDs that others have written, warnings are theirs. */
  const ask = async (where: string, manifest: object, dryRun: boolean) => {
    const { taken, says } = await server.apply(manifest, dryRun);
    if (!taken || dryRun) faults.push(...says.map((line) => `${where}: ${line}`));
  };
  for (const crd of crds) {
    await ask(`CRD ${crd.metadata.name}`, crd, false);
    const version = crd.spec.versions.find(({ storage }) => storage)?.name;
    await server.serves(`${crd.spec.group}/${version}`, crd.spec.names.kind);
  }
  const namespace = rendered[0]?.manifests.find(({ kind }) => kind === 'Namespace');
  if (namespace === undefined) throw new Error('there is no Namespace in the manifests');
  await ask('Namespace', namespace, false);
  await mustRefuse(server);
  for (const { name, manifests } of rendered) {
    for (const manifest of manifests)
      await ask(`${name}: ${manifest.kind} ${manifest.metadata.name}`, manifest, true);
    for (const pod of workloadsOf(manifests).map(podOf))
      await ask(`${name}: pod of ${pod.metadata.name}`, pod, true);
  }
  return faults;
}

const podOf = ({ name, labels, pod: { ...spec } }: ReturnType<typeof workloadsOf>[number]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'talaria', labels },
  // A StatefulSet adds the volumes that it claims.
  spec: { ...spec, volumes: [...(spec.volumes ?? []), ...claimed(spec)] },
});

function claimed({ containers, volumes = [] }: ReturnType<typeof workloadsOf>[number]['pod']) {
  const there = new Set(volumes.map(({ name }) => name));
  const mounted = containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
  return mounted
    .filter((name) => !there.has(name))
    .map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
}

/** A server that would take this would take anything. */
async function mustRefuse(server: ApiServer): Promise<void> {
  const { taken } = await server.apply(
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'root', namespace: 'talaria' },
      spec: { containers: [{ name: 'root', image: 'root:1', securityContext: { privileged: true } }] },
    },
    true,
  );
  if (taken)
    throw new Error('the API server takes a privileged pod: the namespace does not enforce Pod Security');
}
