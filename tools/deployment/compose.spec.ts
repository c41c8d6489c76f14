import { parse } from 'yaml';
import packageJson from '../../package.json';
import {
  argumentsOf,
  type Asked,
  askedBy,
  composeServices,
  environmentOf,
  exampleVariables,
  programOf,
  readRepositoryFile,
  type Service,
  withDefaults,
} from './compose-file';
import { declaredVariables, faultsOf, otherThanDefault, type Program } from './declared-variables';

const services = Object.entries(composeServices());
const ours = services.flatMap(([name, service]): [string, Program, Service][] => {
  const program = programOf(name, service);
  return program ? [[name, program, service]] : [];
});
const serving = ours.filter(([, program]) => program !== 'talaria');
const asked = new Map<string, Asked>(
  askedBy(readRepositoryFile('docker-compose.yml')).map((one) => [one.name, one]),
);
const limitOf = ({ deploy }: Service) => deploy?.resources.limits.memory ?? '';

describe('docker-compose.yml', () => {
  it('starts each app, and the jobs', () => {
    expect(ours.map(([name, program]) => `${name}: ${program}`).sort()).toEqual([
      'dispatcher: dispatcher',
      'ingestion: ingestion',
      'migrations: talaria',
      'processor: processor',
      'simulator: simulator',
      'talaria: talaria',
      'topics: talaria',
    ]);
  });

  it.each(ours)('gives %s all that it needs and nothing that it does not know', (_, program, service) => {
    expect(faultsOf(program, environmentOf(service))).toEqual([]);
  });

  it('sets little otherwise than an app would take by itself', () => {
    const differences = ours.flatMap(([name, program, service]) =>
      Object.entries(otherThanDefault(program, environmentOf(service))).map(
        ([variable, value]) => `${name}: ${variable}=${value}`,
      ),
    );
    expect(differences.sort()).toEqual([
      'dispatcher: GRAPH_API_URL=http://simulator:3003',
      'dispatcher: SECRETS_KEYS_FILE=/run/secrets/talaria-keys',
      'simulator: WEBHOOK_URL=http://ingestion:3000/webhooks/whatsapp',
      'talaria: GRAPH_API_URL=http://simulator:3003',
      'talaria: SECRETS_KEYS_FILE=/run/secrets/talaria-keys',
    ]);
  });

  it.each(services)(
    'pins the image of %s, under a variable, and opens ports for this machine alone',
    (_, service) => {
      expect(service.image).toMatch(/^\$\{[A-Z]+_IMAGE:-[\w./-]+:v?\d[\w.-]*\}$/);
      for (const port of service.ports ?? [])
        expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+$/);
    },
  );

  it.each(ours)('runs %s without rights', (_, _program, service) => {
    expect(service).toMatchObject({
      user: '10001:10001',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    // What may take 10 s to stop, by runProcess, and a little.
    expect(service.stop_grace_period).toBe('15s');
  });

  it.each(serving)('leaves %s a heap of three quarters of its memory', (_, _program, service) => {
    const heap = /--max-old-space-size=(\d+)/.exec(String(service.environment?.NODE_OPTIONS))?.[1];
    expect(limitOf(service)).toBe(`${(Number(heap) * 4) / 3}m`);
  });

  it.each(services)('starts %s when what it needs is well, and the jobs are done', (_, service) => {
    const { environment = {}, depends_on: needs = {} } = service;
    for (const [need, { condition }] of Object.entries(needs)) {
      const isJob = ['topics', 'migrations'].includes(need);
      expect(condition).toBe(isJob ? 'service_completed_successfully' : 'service_healthy');
    }
    if (service.restart === 'no' || service.profiles?.[0] !== 'core') return;
    expect('topics' in needs).toBe('KAFKA_BROKERS' in environment);
    expect('migrations' in needs).toBe('DATABASE_URL' in environment);
  });

  it('holds no secret', () => {
    const secret = services.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => /PASSWORD|SECRET|TOKEN|KEYS|DATABASE_URL/.test(name)),
    );
    expect(secret.length).toBeGreaterThan(8);
    const isReference = (value: unknown) => /^\/run\/secrets\/|\$\{[A-Z_]+:\?/.test(String(value));
    expect(secret.filter(([, value]) => !isReference(value))).toEqual([]);
  });

  it('builds what the Dockerfile builds by itself, as this version', () => {
    const { VERSION, ...bases } = argumentsOf(readRepositoryFile('Dockerfile'));
    for (const [, , { image, build }] of ours) {
      const { VERSION: version, ...given } = build?.args ?? {};
      expect(image).toBe(`\${TALARIA_IMAGE:-talaria:${packageJson.version}}`);
      expect(version).toBe(packageJson.version);
      expect(VERSION).toBeDefined();
      expect(Object.keys(given)).toEqual(['NODE_IMAGE', 'NODE_DIGEST', 'RUN_IMAGE', 'RUN_DIGEST']);
      for (const [name, text] of Object.entries(given)) expect(withDefaults(text)).toBe(bases[name]);
    }
  });

  it('opens where the apps listen', () => {
    const portOf = (program: Program, name: string) => declaredVariables(program).get(name)?.default;
    expect(readRepositoryFile('Dockerfile')).toContain(
      `EXPOSE ${String(portOf('ingestion', 'HTTP_PORT'))} ${String(portOf('ingestion', 'METRICS_PORT'))}\n`,
    );
    for (const program of ['ingestion', 'simulator'] as const) {
      expect(composeServices()[program]?.ports?.[0]).toMatch(
        new RegExp(`:-${String(portOf(program, 'HTTP_PORT'))}\\}:${String(portOf(program, 'HTTP_PORT'))}$`),
      );
    }
  });

  it('has what Prometheus and Grafana of ops/ look for, under these names', () => {
    type Static = { readonly static_configs: readonly { readonly targets: readonly string[] }[] };
    const prometheus = parse(readRepositoryFile('ops/prometheus/prometheus.yml')) as {
      readonly scrape_configs: readonly Static[];
      readonly alerting: { readonly alertmanagers: readonly Static[] };
    };
    const targets = [...prometheus.scrape_configs, ...prometheus.alerting.alertmanagers].flatMap(
      ({ static_configs: configs }) => configs.flatMap((one) => one.targets),
    );
    expect(targets).toEqual(['ingestion:9464', 'processor:9464', 'dispatcher:9464', 'alertmanager:9093']);
    const addresses = ['prometheus', 'jaeger'].map((name) => {
      const file = `ops/grafana/provisioning/datasources/${name}.yaml`;
      return (parse(readRepositoryFile(file)) as { datasources: { url: string }[] }).datasources[0]?.url;
    });
    expect(addresses).toEqual(['http://prometheus:9090', 'http://jaeger:16686']);
    const names = services.map(([name]) => name);
    expect(names).toEqual(expect.arrayContaining(targets.map((target) => target.split(':')[0])));
    expect(names).toEqual(expect.arrayContaining(['prometheus', 'jaeger', 'grafana']));
  });
});

describe('.env.example', () => {
  const { set, defaults } = exampleVariables();

  it('names what docker-compose.yml asks for, and nothing else', () => {
    const named = [...Object.keys(set), ...Object.keys(defaults)].filter(
      (name) => name !== 'COMPOSE_PROFILES',
    );
    expect(named.sort()).toEqual([...asked.keys()].sort());
  });

  it('leaves empty what has to be filled in, and tells the defaults of the rest', () => {
    const needed = [...asked.values()].filter((one) => one.default === undefined).map(({ name }) => name);
    expect(
      Object.keys(set)
        .filter((name) => set[name] === '')
        .sort(),
    ).toEqual(needed.sort());
    expect(defaults).toEqual(
      Object.fromEntries(Object.keys(defaults).map((name) => [name, asked.get(name)?.default])),
    );
  });

  it('brings up everything', () => {
    const profiles = new Set(services.flatMap(([, { profiles = [] }]) => profiles));
    expect(set.COMPOSE_PROFILES?.split(',')).toEqual([...profiles].filter((name) => name !== 'command'));
  });
});
