import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectionGroup, topics } from '@talaria/contracts';
import { parseAllDocuments } from 'yaml';
import packageJson from '../../package.json';
import { silentProgram } from '../../apps/cli/testing/silent-program';
import { generatedFiles } from '../kubernetes/generated';
import {
  type Container,
  findKustomize,
  howToGetKustomize,
  k8s,
  type Manifest,
  variants,
  type Workload,
  workloadsOf,
} from '../kubernetes/manifests';
import { isAllowed, isGuarded, type Other } from '../kubernetes/network';
import { repositoryRoot } from '../stack/repository';
import { declaredVariables, faultsOf, otherThanDefault, type Program } from './declared-variables';

const APPS = ['ingestion', 'processor', 'dispatcher'] as const;
const METRICS_PORT = 9464;
/** How long a process takes after SIGTERM at most: see run-process.ts. */
const STOP_SECONDS = 10;
const docs = (path: string) => readFileSync(join(repositoryRoot(), 'docs', path), 'utf8');

const kustomize = findKustomize(process.env);
const rendered = new Map<string, Manifest[]>();

/** Rendered when it is first asked for: a fault in one is a fault of its tests alone. */
function manifestsOf(name: string): Manifest[] {
  const variant = variants.find((one) => one.name === name)!;
  const manifests = rendered.get(name) ?? variant.render(kustomize!);
  rendered.set(name, manifests);
  return manifests;
}

const ofKind = (manifests: Manifest[], kind: string) => manifests.filter((one) => one.kind === kind);
const named = (manifests: Manifest[], kind: string, name: string) =>
  manifests.find((one) => one.kind === kind && one.metadata.name === name);
const isOurs = ({ image }: Container) => /(^|\/)talaria:/.test(image);
const oursOf = (manifests: Manifest[]) =>
  workloadsOf(manifests).filter(({ pod }) => isOurs(pod.containers[0]!));
const containersOf = ({ pod }: Workload) => [...(pod.initContainers ?? []), ...pod.containers];

/** What of the image a container starts. The toolbox waits for somebody who calls the command. */
function programOf({ name, args: [first] = [] }: Container): Program {
  return name === 'toolbox' ? 'talaria' : (first as Program);
}

/** Values of files are not known here. */
function environmentOf({ env = [], envFrom = [] }: Container, manifests: Manifest[]) {
  const maps = envFrom.map(({ configMapRef }) => named(manifests, 'ConfigMap', configMapRef!.name)?.data);
  return Object.assign(
    {},
    ...maps,
    Object.fromEntries(env.map(({ name, value }) => [name, value])),
  ) as Record<string, string>;
}

function mebibytes(size = ''): number {
  const [, amount, unit] = /^(\d+)(Mi|Gi)$/.exec(size)!;
  return Number(amount) * (unit === 'Gi' ? 1024 : 1);
}

describe('what is made', () => {
  it.each(Object.entries(generatedFiles))('%s is up to date (UPDATE_DOCS=1 rewrites it)', (file, make) => {
    const text = make();
    if (process.env.UPDATE_DOCS === '1') writeFileSync(k8s(file), text);
    const all = (yaml: string) => parseAllDocuments(yaml).map((document): unknown => document.toJS());
    expect(all(readFileSync(k8s(file), 'utf8'))).toEqual(all(text));
  });
});

describe('the documentation', () => {
  const readme = readFileSync(k8s('README.md'), 'utf8');

  it('names every component', () => {
    for (const component of readdirSync(k8s('components'))) expect(readme).toContain(`\`${component}\``);
  });
});

const describeRendered = kustomize === undefined ? describe.skip : describe;
const reason = kustomize === undefined ? ` (skipped: ${howToGetKustomize})` : '';

describeRendered.each(variants.map(({ name }) => name))(`k8s: %s${reason}`, (variant) => {
  const manifests = () => manifestsOf(variant);

  it('gives every object its place and says what it belongs to', () => {
    for (const { kind, metadata } of manifests()) {
      expect([kind, metadata.name, metadata.namespace]).toEqual([
        kind,
        metadata.name,
        kind === 'Namespace' ? undefined : 'talaria',
      ]);
    }
    for (const { name, labels } of oursOf(manifests())) {
      expect(labels).toMatchObject({
        'app.kubernetes.io/name': `talaria-${name}`,
        'app.kubernetes.io/component': name,
        'app.kubernetes.io/part-of': 'talaria',
      });
    }
  });

  it('enforces the restricted Pod Security, and every pod keeps it, with a read-only root and no token', () => {
    expect(named(manifests(), 'Namespace', 'talaria')?.metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    for (const workload of workloadsOf(manifests())) {
      const { pod } = workload;
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        serviceAccountName: workload.name,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const container of containersOf(workload)) {
        expect(container.securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          ...(isOurs(container) && { readOnlyRootFilesystem: true }),
        });
      }
    }
    for (const { pod } of oursOf(manifests())) {
      expect(pod.securityContext).toMatchObject({ runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001 });
      expect(pod.volumes).toContainEqual({ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } });
    }
    for (const account of ofKind(manifests(), 'ServiceAccount'))
      expect(account).toMatchObject({ automountServiceAccountToken: false });
  });

  it('names the release of every image', () => {
    for (const workload of workloadsOf(manifests()))
      for (const container of containersOf(workload)) {
        expect(container.image).toMatch(/:[\w.-]*\d[\w.-]*$|@sha256:[0-9a-f]{64}$/);
        expect(container.image).not.toMatch(/:latest/);
        if (isOurs(container)) expect(container.image).toMatch(new RegExp(`:${packageJson.version}$`));
      }
  });

  it('bounds every container, with a heap that follows its memory', () => {
    for (const workload of workloadsOf(manifests()))
      for (const container of containersOf(workload)) {
        const { requests = {}, limits = {} } = container.resources ?? {};
        for (const resource of ['cpu', 'memory', 'ephemeral-storage'])
          expect(requests[resource]).toBeDefined();
        expect(limits['ephemeral-storage']).toBeDefined();
        expect(limits.memory).toBe(requests.memory);
        expect(limits.cpu).toBeUndefined();
        if (!isOurs(container)) continue;
        const options = container.env?.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? '';
        const [old, young] = ['old', 'semi'].map((space) =>
          Number(new RegExp(`--max-${space}-space-size=(\\d+)`).exec(options)?.[1] ?? 16),
        );
        // Of the young generation there are three at once.
        const share = (old! + 3 * young!) / mebibytes(limits.memory);
        expect({ name: container.name, share: Math.round(share * 100) }).toEqual({
          name: container.name,
          share: 75,
        });
      }
  });

  it('asks each process that serves for its start, its life and its readiness', () => {
    for (const { pod } of workloadsOf(manifests()).filter(
      ({ kind, name }) => kind !== 'Job' && name !== 'toolbox',
    )) {
      const [container] = pod.containers;
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const)
        expect(container![probe]).toBeDefined();
    }
    for (const app of APPS) {
      const [container] = workloadsOf(manifests()).find(({ name }) => name === app)!.pod.containers;
      expect(container).toMatchObject({
        startupProbe: {
          httpGet: { path: '/health/startup', port: 'metrics' },
          periodSeconds: 5,
          failureThreshold: 120,
        },
        livenessProbe: { httpGet: { path: '/health/live', port: 'metrics' } },
        readinessProbe: { httpGet: { path: '/health/ready', port: 'metrics' } },
      });
      expect(container!.ports).toContainEqual({ name: 'metrics', containerPort: METRICS_PORT });
      expect(declaredVariables(app).get('METRICS_PORT')?.default).toBe(METRICS_PORT);
    }
  });

  it('refers to nothing that is not there or is not to be made by hand', () => {
    const promised = promisedSecrets(manifests());
    for (const workload of workloadsOf(manifests())) {
      const { pod } = workload;
      expect(named(manifests(), 'ServiceAccount', pod.serviceAccountName!)).toBeDefined();
      for (const { envFrom = [] } of containersOf(workload))
        for (const { configMapRef } of envFrom)
          expect(named(manifests(), 'ConfigMap', configMapRef!.name)).toBeDefined();
      for (const secret of secretsOf(pod)) expect(promised).toContain(secret.name);
    }
  });

  it('gives each process what it declares, and reads every secret from a file that is mounted', () => {
    for (const workload of oursOf(manifests())) {
      const mounted = secretsOf(workload.pod).flatMap(({ items }) => items.map(({ path }) => path));
      for (const container of containersOf(workload)) {
        const environment = environmentOf(container, manifests());
        expect(faultsOf(programOf(container), environment)).toEqual([]);
        const read = Object.entries(environment)
          .filter(([name]) => name.endsWith('_FILE'))
          .map(([, path]) => path.replace('/var/run/secrets/talaria/', ''));
        expect(read.sort()).toEqual(mounted.sort());
        for (const name of Object.keys(environment))
          expect(name).not.toMatch(/(PASSWORD|SECRET|TOKEN|KEYS|DATABASE_URL)$/);
      }
    }
  });

  it('says nothing that a process would do by itself, and nothing else without a reason', () => {
    const meant: Record<string, Record<string, string>> = {
      ingestion: { SHUTDOWN_DELAY: '3s' },
      dispatcher: variant === 'overlays/local' ? { GRAPH_API_URL: 'http://simulator:3003' } : {},
      simulator: { WEBHOOK_URL: 'http://ingestion:3000/webhooks/whatsapp' },
    };
    for (const { pod } of oursOf(manifests())) {
      const [container] = pod.containers;
      const program = programOf(container!);
      const values = Object.entries(environmentOf(container!, manifests()));
      const environment = Object.fromEntries(values.filter(([name]) => !name.endsWith('_FILE')));
      const other = otherThanDefault(program, environment);
      expect(other).toEqual({ ...meant[program], ...ofKafka(environment) });
      const declared = declaredVariables(program);
      const needless = Object.keys(environment).filter(
        (name) => declared.get(name)?.default !== undefined && !(name in other),
      );
      expect(needless).toEqual([]);
    }
  });

  it('gives each process the time that it takes to end, and ingestion a while before', () => {
    for (const app of APPS) {
      const { pod } = workloadsOf(manifests()).find(({ name }) => name === app)!;
      const sleep = pod.containers[0]!.lifecycle?.preStop?.sleep?.seconds ?? 0;
      expect(sleep).toBe(app === 'ingestion' ? 5 : 0);
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(sleep + STOP_SECONDS + 5);
    }
    const source = readFileSync(join(repositoryRoot(), 'libs/observability/src/run-process.ts'), 'utf8');
    expect(source).toContain(`STOP_DEADLINE_MS = ${STOP_SECONDS}_000`);
  });

  it('replaces one at a time, and lets nobody take more', () => {
    for (const app of ['processor', 'dispatcher'])
      expect(named(manifests(), 'Deployment', app)?.spec).toMatchObject({
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        minReadySeconds: 10,
      });
    expect(named(manifests(), 'StatefulSet', 'ingestion')?.spec).toMatchObject({
      updateStrategy: { type: 'RollingUpdate' },
      podManagementPolicy: 'Parallel',
      minReadySeconds: 10,
    });
    for (const app of APPS) {
      const { labels, pod } = workloadsOf(manifests()).find(({ name }) => name === app)!;
      const budget = named(manifests(), 'PodDisruptionBudget', app)!.spec;
      expect(budget).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
      expect(labels).toMatchObject(budget.selector.matchLabels);
      expect(pod.topologySpreadConstraints).toHaveLength(2);
      for (const { labelSelector } of pod.topologySpreadConstraints!)
        expect(labels).toMatchObject(labelSelector.matchLabels);
    }
  });

  it('keeps the spool on a disk of its own that outlives the pod and holds all that may be in it', () => {
    const { spec } = named(manifests(), 'StatefulSet', 'ingestion')!;
    const { pod } = workloadsOf(manifests()).find(({ name }) => name === 'ingestion')!;
    const environment = environmentOf(pod.containers[0]!, manifests());
    const [claim] = spec.volumeClaimTemplates;
    const mount = pod.containers[0]!.volumeMounts!.find(({ name }) => name === claim.metadata.name)!;
    expect(environment.SPOOL_DIR).toMatch(new RegExp(`^${mount.mountPath}/\\w+$`));
    expect(claim.spec.accessModes).toEqual(['ReadWriteOnce']);
    const spool = declaredVariables('ingestion').get('SPOOL_MAX_SIZE')!.default as number;
    expect(mebibytes(claim.spec.resources.requests.storage as string)).toBeGreaterThanOrEqual(
      (2.5 * spool) / 1024 ** 2,
    );
    expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({
      whenScaled: 'Retain',
      whenDeleted: 'Retain',
    });
  });

  it('lets in and out what each process needs', () => {
    for (const { workload, ways } of neededWays(manifests()))
      for (const way of ways)
        expect({
          name: workload.name,
          ...way,
          allowed: isAllowed(manifests(), { pod: workload.labels, ...way }),
        }).toEqual({
          name: workload.name,
          ...way,
          allowed: true,
        });
  });

  it('lets in and out nothing else', () => {
    for (const workload of oursOf(manifests())) {
      const { labels: pod, name } = workload;
      for (const direction of ['Ingress', 'Egress'] as const)
        expect(isGuarded(manifests(), direction, pod)).toBe(true);
      const calls = (address: string, port: number) =>
        isAllowed(manifests(), { direction: 'Egress', pod, other: { address }, port });
      const hears = (other: Other, port: string) =>
        isAllowed(manifests(), { direction: 'Ingress', pod, other, port });
      const mayCallMeta = ['dispatcher', 'toolbox'].includes(name);
      expect([name, calls('157.240.1.1', 443), calls('2a03:2880::1', 443)]).toEqual([
        name,
        mayCallMeta,
        mayCallMeta,
      ]);
      for (const inside of [
        '10.0.0.1',
        '172.20.0.1',
        '192.168.1.1',
        '169.254.169.254',
        '127.0.0.1',
        'fd00::1',
      ])
        expect([name, inside, calls(inside, 443)]).toEqual([name, inside, false]);
      expect(calls('157.240.1.1', 80)).toBe(false);
      expect(hears({ namespace: 'default' }, 'metrics')).toBe(false);
      expect(hears({ namespace: 'default' }, 'http')).toBe(false);
      expect(hears({ namespace: 'gateway' }, 'metrics')).toBe(false);
      expect(hears({ address: '157.240.1.1' }, 'http')).toBe(false);
      expect([name, hears({ namespace: 'gateway' }, 'http')]).toEqual([name, name === 'ingestion']);
    }
  });

  it('leads from outside to the webhooks and nowhere else', () => {
    const service = named(manifests(), 'Service', 'ingestion')!.spec;
    expect(service.ports).toEqual([{ name: 'http', port: 3000, targetPort: 'http' }]);
    const { labels } = workloadsOf(manifests()).find(({ name }) => name === 'ingestion')!;
    expect(labels).toMatchObject(service.selector);
    for (const { spec } of ofKind(manifests(), 'HTTPRoute'))
      for (const rule of spec.rules) {
        for (const { path } of rule.matches)
          expect(path).toEqual({ type: 'PathPrefix', value: '/webhooks/whatsapp' });
        expect(rule.backendRefs).toEqual([{ name: 'ingestion', port: 3000 }]);
      }
    for (const { spec } of ofKind(manifests(), 'Ingress'))
      for (const { http } of spec.rules)
        expect(http.paths).toEqual([
          {
            path: '/webhooks/whatsapp',
            pathType: 'Prefix',
            backend: { service: { name: 'ingestion', port: { name: 'http' } } },
          },
        ]);
  });

  it('scales workers by the lag of their groups, within bounds, and leaves their number to what scales them', () => {
    const groups: Record<string, Record<string, string>> = {
      processor: { [topics.webhooks.name]: projectionGroup(1), [topics.dispatches.name]: projectionGroup(1) },
      dispatcher: { [topics.outbound.name]: 'talaria.dispatcher' },
    };
    for (const { metadata, spec } of ofKind(manifests(), 'ScaledObject')) {
      const partitions = Object.values(topics).find(
        ({ name }) => name === spec.triggers[0].metadata.topic,
      )!.partitions;
      expect(spec.maxReplicaCount).toBeLessThanOrEqual(partitions);
      expect(spec.minReplicaCount).toBeGreaterThanOrEqual(2);
      expect(spec.fallback.replicas).toBe(spec.minReplicaCount);
      type Trigger = { metadata: { topic: string; consumerGroup: string; bootstrapServersFromEnv: string } };
      const asked = (spec.triggers as Trigger[]).map(({ metadata: { topic, consumerGroup } }) => [
        topic,
        consumerGroup,
      ]);
      expect(Object.fromEntries(asked)).toEqual(groups[metadata.name]);
      expect(named(manifests(), 'Deployment', metadata.name)?.spec.replicas).toBeUndefined();
      const { pod } = workloadsOf(manifests()).find(({ name }) => name === metadata.name)!;
      for (const trigger of spec.triggers as Trigger[])
        expect(environmentOf(pod.containers[0]!, manifests())).toHaveProperty(
          trigger.metadata.bootstrapServersFromEnv,
        );
    }
    for (const { spec } of ofKind(manifests(), 'HorizontalPodAutoscaler')) {
      expect(spec.minReplicas).toBeGreaterThanOrEqual(2);
      expect(
        named(manifests(), spec.scaleTargetRef.kind as string, spec.scaleTargetRef.name as string)?.spec
          .replicas,
      ).toBeUndefined();
    }
  });

  it('lets Prometheus find every process once, by the port of its metrics', () => {
    const watched = new Map<string, number>();
    const see = (name: string) => watched.set(name, (watched.get(name) ?? 0) + 1);
    const selectsAll = (selector: Selector, labels: Record<string, string>) =>
      Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
      (selector.matchExpressions ?? []).every(({ key, values }) => values.includes(labels[key] ?? ''));
    for (const { spec } of ofKind(manifests(), 'PodMonitor')) {
      expect(spec.podMetricsEndpoints[0].port).toBe('metrics');
      for (const { name, labels } of workloadsOf(manifests()))
        if (selectsAll(spec.selector as Selector, labels)) see(name);
    }
    for (const { spec } of ofKind(manifests(), 'ServiceMonitor'))
      for (const service of ofKind(manifests(), 'Service')) {
        const isWatched = selectsAll(spec.selector as Selector, service.metadata.labels ?? {});
        const ports = service.spec.ports as { name: string }[];
        if (isWatched && ports.some(({ name }) => name === spec.endpoints[0].port))
          for (const { name, labels } of workloadsOf(manifests()))
            if (selectsAll({ matchLabels: service.spec.selector }, labels)) see(name);
      }
    if (ofKind(manifests(), 'PodMonitor').length > 0)
      expect(Object.fromEntries(watched)).toEqual({ ingestion: 1, processor: 1, dispatcher: 1 });
  });

  it('runs Jobs that are commands of this release, and end', () => {
    const jobs = workloadsOf(manifests()).filter(({ kind }) => kind === 'Job');
    for (const container of jobs.flatMap(containersOf)) {
      const [program, noun, verb] = container.args!;
      const command = silentProgram.commands.find((one) => one.name() === noun);
      expect([program, command?.commands.some((one) => one.name() === verb)]).toEqual(['talaria', true]);
    }
    for (const { spec } of ofKind(manifests(), 'Job'))
      expect(spec).toMatchObject({
        backoffLimit: 6,
        activeDeadlineSeconds: 1800,
        ttlSecondsAfterFinished: 86400,
      });
    const [migrate] = jobs.find(({ name }) => name === 'migrations')!.pod.initContainers!;
    expect(migrate!.args).toEqual(['talaria', 'database', 'migrate']);
  });
});

describeRendered(`the documentation and k8s${reason}`, () => {
  it('runbooks select pods by labels that these have', () => {
    const labels = new Set(
      workloadsOf(manifestsOf('base')).flatMap((one) =>
        Object.entries(one.labels).map(([key, value]) => `${key}=${value}`),
      ),
    );
    const pages = readdirSync(join(repositoryRoot(), 'docs/runbooks')).map((name) =>
      docs(`runbooks/${name}`),
    );
    const selectors = [...pages, docs('operations/kubernetes.md')].flatMap(
      (text) => text.match(/(?<= -l )app\.kubernetes\.io\S+/g) ?? [],
    );
    expect(selectors.length).toBeGreaterThan(10);
    for (const selector of selectors) expect(labels).toContain(selector);
  });

  it('the page on Kubernetes names every Secret that has to be made', () => {
    const page = docs('operations/kubernetes.md');
    for (const { name } of variants)
      for (const { pod } of oursOf(manifestsOf(name)))
        for (const secret of secretsOf(pod)) {
          const isLocal = ofKind(manifestsOf(name), 'Secret').some(
            ({ metadata }) => metadata.name === secret.name,
          );
          if (!isLocal) expect(page).toContain(`\`${secret.name}\``);
        }
  });

  it('every component is rendered in some variant', () => {
    const used =
      readFileSync(k8s('overlays/production/kustomization.yaml'), 'utf8') +
      readFileSync(k8s('overlays/local/kustomization.yaml'), 'utf8') +
      readFileSync(join(__dirname, '../kubernetes/manifests.ts'), 'utf8');
    for (const component of readdirSync(k8s('components')))
      expect(used).toMatch(new RegExp(`(components/${component}\\n|'${component}')`));
  });
});

function secretsOf(pod: Workload['pod']) {
  return (pod.volumes ?? []).flatMap(({ projected }) =>
    (projected?.sources ?? []).flatMap(({ secret }) => secret ?? []),
  );
}

/** Secrets that are rendered, or that an operator makes of what is rendered; for a base without either, those of the page. */
function promisedSecrets(manifests: Manifest[]): string[] {
  const made = manifests.flatMap(({ kind, metadata: { name } }) =>
    ['Secret', 'ExternalSecret', 'KafkaUser'].includes(kind)
      ? [name]
      : kind === 'Kafka'
        ? [`${name}-cluster-ca-cert`]
        : kind === 'Cluster'
          ? [`${name}-ca`]
          : [],
  );
  const byHand = [
    'talaria-keys',
    'postgres-owner',
    ...['ingestion', 'processor', 'dispatcher', 'operator'].map((app) => `postgres-${app}`),
  ];
  return ofKind(manifests, 'ExternalSecret').length > 0 ? made : [...made, ...byHand];
}

/** What of Kafka's settings the components choose. */
function ofKafka({ KAFKA_SSL }: Record<string, string>): Record<string, string> {
  return KAFKA_SSL === undefined ? {} : { KAFKA_SSL };
}

type Selector = { matchLabels?: object; matchExpressions?: { key: string; values: string[] }[] };

type Way = { direction: 'Ingress' | 'Egress'; other: Other; port: string | number; protocol?: string };

function neededWays(manifests: Manifest[]): { workload: Workload; ways: Way[] }[] {
  const to = (other: Other, port: number, protocol = 'TCP'): Way => ({
    direction: 'Egress',
    other,
    port,
    protocol,
  });
  const from = (other: Other, port: string | number): Way => ({ direction: 'Ingress', other, port });
  const inCluster = (name: string) => {
    const found = workloadsOf(manifests).find((one) => one.name === name);
    return found && { labels: found.labels };
  };
  const isStrimzi = named(manifests, 'Kafka', 'talaria') !== undefined;
  const isNarrow = ofKind(manifests, 'ExternalSecret').length > 0;
  const kafka: Way = to(inCluster('kafka') ?? { address: '10.20.0.7' }, isStrimzi || isNarrow ? 9093 : 9092);
  const postgres: Way = to(inCluster('postgres') ?? { address: '10.20.1.7' }, 5432);
  const dns = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };
  const always = [to(dns, 53, 'UDP'), to(dns, 53)];
  const served = [from({ namespace: 'monitoring' }, 'metrics'), to({ namespace: 'observability' }, 4318)];
  const meta = inCluster('simulator')
    ? to(inCluster('simulator')!, 3003)
    : to({ address: '157.240.1.1' }, 443);
  const needs: Record<string, Way[]> = {
    ingestion: [...served, kafka, postgres, from({ namespace: 'gateway' }, 'http')],
    processor: [...served, kafka, postgres],
    dispatcher: [...served, kafka, postgres, meta],
    migrations: [postgres],
    topics: [kafka],
    toolbox: [kafka, postgres, meta],
    simulator: [to(inCluster('ingestion')!, 3000)],
  };
  return oursOf(manifests).map((workload) => ({ workload, ways: [...always, ...needs[workload.name]!] }));
}
