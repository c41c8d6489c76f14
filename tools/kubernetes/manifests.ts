import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { repositoryRoot } from '../stack/repository';

type Texts = Readonly<Record<string, string>>;

/** An object of Kubernetes, as Kustomize renders it. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Texts };
  /** Of a ConfigMap. */
  readonly data?: Texts;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each kind has a shape of its own, which the API server checks
  readonly spec?: any;
};

type Probe = { readonly httpGet?: { readonly path: string; readonly port: string } };

export type Container = {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly resources?: { readonly requests?: Texts; readonly limits?: Texts };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
};

type SecretSource = { readonly name: string; readonly items: readonly { readonly path: string }[] };

export type Pod = {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly topologySpreadConstraints?: readonly { readonly labelSelector: { readonly matchLabels: Texts } }[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly emptyDir?: { readonly sizeLimit?: string };
    readonly projected?: { readonly sources: readonly { readonly secret?: SecretSource }[] };
  }[];
};

export const k8s = (...path: string[]) => join(repositoryRoot(), 'k8s', ...path);
export const toolsBin = (name: string) => join(repositoryRoot(), '.talaria/tools/bin', name);

export const howToGetKustomize =
  'kustomize 5 is not here: "npm run kubernetes -- --schemas" builds it with Go, or KUSTOMIZE names it';

/** @returns a command line that builds a kustomization: KUSTOMIZE, what `npm run kubernetes` has built, or what is installed */
export function findKustomize(env: NodeJS.ProcessEnv): readonly string[] | undefined {
  const { KUSTOMIZE: named } = env;
  if (named !== undefined && named !== '') return [named, 'build'];
  if (existsSync(toolsBin('kustomize'))) return [toolsBin('kustomize'), 'build'];
  const version = (...command: [string, ...string[]]) =>
    spawnSync(command[0], command.slice(1), { encoding: 'utf8' }).stdout as string | null;
  if ((version('kustomize', 'version') ?? '').includes('v5.')) return ['kustomize', 'build'];
  if ((version('kubectl', 'version', '--client') ?? '').includes('Kustomize Version: v5.'))
    return ['kubectl', 'kustomize'];
  return undefined;
}

/** @throws {Error} with what Kustomize says is wrong */
export function render(kustomize: readonly string[], directory: string): Manifest[] {
  const [command = '', ...args] = kustomize;
  const { status, stdout, stderr, error } = spawnSync(command, [...args, directory], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${relative(repositoryRoot(), directory)}: ${stderr}`);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

/** Renders the base with components on it, in the order in which an overlay would name them. */
export function renderBaseWith(kustomize: readonly string[], components: readonly string[]): Manifest[] {
  const place = join(repositoryRoot(), '.talaria/kustomize');
  mkdirSync(place, { recursive: true });
  const directory = mkdtempSync(join(place, 'base-with-'));
  try {
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namespace: 'talaria',
      resources: [relative(directory, k8s('base'))],
      components: components.map((name) => relative(directory, k8s('components', name))),
    };
    // JSON is YAML.
    writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(kustomization));
    return render(kustomize, directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The whole of what can be chosen: what is rendered of it has to be right. Each component is in one of them. */
export const variants: readonly {
  readonly name: string;
  readonly render: (kustomize: readonly string[]) => Manifest[];
}[] = [
  { name: 'base', render: (kustomize) => render(kustomize, k8s('base')) },
  { name: 'overlays/local', render: (kustomize) => render(kustomize, k8s('overlays/local')) },
  { name: 'overlays/production', render: (kustomize) => render(kustomize, k8s('overlays/production')) },
  {
    name: 'base with operators and an Ingress',
    render: (kustomize) =>
      renderBaseWith(kustomize, [
        'toolbox',
        'strimzi',
        'kafka-scram',
        'cloudnative-pg',
        'postgres-tls',
        'ingress',
        'keda',
        'keda-scram',
        'prometheus-operator',
      ]),
  },
];

/** Something that runs pods of a template of its own. */
export type Workload = {
  readonly kind: string;
  readonly name: string;
  /** Of its pods. */
  readonly labels: Texts;
  readonly pod: Pod;
};

export function workloadsOf(manifests: readonly Manifest[]): Workload[] {
  type Template = { readonly metadata?: { readonly labels?: Texts }; readonly spec?: Partial<Pod> };
  return manifests.flatMap(({ kind, metadata, spec }) => {
    const template = (spec as { template?: Template } | undefined)?.template;
    const { containers, ...pod } = template?.spec ?? {};
    if (containers === undefined) return [];
    return [
      { kind, name: metadata.name, labels: template?.metadata?.labels ?? {}, pod: { ...pod, containers } },
    ];
  });
}
