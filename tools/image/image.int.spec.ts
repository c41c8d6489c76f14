import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import packageJson from '../../package.json';
import { eventually } from '../../test/kit/eventually';
import { readRepositoryFile } from '../deployment/compose-file';

/** Of the base and all of ours. Without the base that Debian's packages make it was 153 MB. */
const MOST_BYTES = 250e6;

const docker = process.env.DOCKER ?? 'docker';
const image = process.env.TALARIA_IMAGE ?? `talaria:${packageJson.version}`;
const run = (...args: string[]) => spawnSync(docker, args, { encoding: 'utf8', timeout: 60_000 });

type Image = {
  readonly Size: number;
  readonly Config: {
    readonly User: string;
    readonly Labels: Readonly<Record<string, string>>;
    readonly ExposedPorts: object;
  };
};

function findImage(): Image | undefined {
  const { status, stdout } = run('image', 'inspect', image);
  return status === 0 ? (JSON.parse(stdout) as Image[])[0] : undefined;
}

const found = findImage();
const describeImage = found ? describe : describe.skip;
if (!found) {
  console.warn(
    `tests of the image are skipped: ${docker} knows no ${image}; "npm run image" builds it, where a Docker daemon answers`,
  );
}

/** As strict as a cluster that enforces "restricted". */
const strict = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
const once = (...args: string[]) => run('run', '--rm', ...strict, ...args);
/** What a function of no arguments returns inside. */
const inside = <T>(look: () => T): T =>
  JSON.parse(once('--entrypoint', 'node', image, '-p', `JSON.stringify((${look.toString()})())`).stdout) as T;

describeImage('the image', () => {
  const containers: string[] = [];
  afterAll(() => containers.forEach((name) => run('rm', '--force', '--volumes', name)));

  function start(...args: string[]): string {
    const name = `talaria-test-${randomUUID()}`;
    containers.push(name);
    const { status, stderr } = run('run', '--detach', '--name', name, ...strict, ...args);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    return name;
  }
  const exitCodeOf = (name: string) => Number(run('inspect', '--format', '{{.State.ExitCode}}', name).stdout);

  it('says what it is, and is no larger than it need be', () => {
    expect(found?.Config.User).toBe('10001:10001');
    const labels = Object.entries(found?.Config.Labels ?? {}).filter(([, value]) => value !== '');
    expect(labels.map(([name]) => name.replace('org.opencontainers.image.', ''))).toEqual(
      expect.arrayContaining([
        'base.name',
        'created',
        'description',
        'licenses',
        'revision',
        'title',
        'version',
      ]),
    );
    expect(found?.Config.Labels['org.opencontainers.image.version']).toBe(packageJson.version);
    expect(found?.Size).toBeLessThan(MOST_BYTES);
  });

  it('holds no npm, no shell, no sources and nothing that only development needs', () => {
    const { packages, files, programs } = inside(() => {
      const { readdirSync, existsSync } = process.getBuiltinModule('node:fs');
      const files = readdirSync('/app', { recursive: true }) as string[];
      const folders = [
        '/bin',
        '/sbin',
        '/usr/bin',
        '/usr/sbin',
        '/usr/local/bin',
        '/usr/local/lib/node_modules',
      ];
      return {
        files: files.filter((file) => !file.startsWith('node_modules/')),
        packages: files.filter((file) => file.startsWith('node_modules/') && file.endsWith('/package.json')),
        programs: folders.filter((folder) => existsSync(folder)).flatMap((folder) => readdirSync(folder)),
      };
    });
    expect(files.filter((file) => /\.ts$|\.spec\.|\/testing\//.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['dist/apps/ingestion/src/main.js.map', 'LICENSE']));
    expect(programs).toEqual(expect.arrayContaining(['node', 'talaria']));
    for (const name of ['npm', 'npx', 'yarn', 'corepack', 'sh', 'bash', 'apt', 'apk']) {
      expect(programs).not.toContain(name);
    }
    const lock = JSON.parse(readRepositoryFile('package-lock.json')) as {
      readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
    };
    const folders = packages.map((file) => file.slice(0, -'/package.json'.length));
    expect(folders).toContain('node_modules/kafkajs');
    expect(folders.filter((folder) => lock.packages[folder]?.dev)).toEqual([]);
  });

  it('belongs to another user than the one who runs it, but for the folder of the spool', () => {
    const { user, writable } = inside(() => {
      const { readdirSync, statSync } = process.getBuiltinModule('node:fs');
      const all = [
        '/app',
        ...(readdirSync('/app', { recursive: true }) as string[]).map((file) => `/app/${file}`),
      ];
      const isOurs = (file: string) => statSync(file).uid === 10001 || (statSync(file).mode & 0o022) !== 0;
      return {
        user: [process.getuid?.(), process.getgid?.()],
        writable: [...all, '/usr/local/bin/node', '/var/lib/talaria/spool'].filter(isOurs),
      };
    });
    expect(user).toEqual([10001, 10001]);
    expect(writable).toEqual(['/var/lib/talaria/spool']);
  });

  it('starts what its first word names', () => {
    expect(once(image)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('ingestion | processor') as string,
    });
    expect(once(image, 'nothing')).toMatchObject({ status: 2 });
    expect(once(image, 'talaria', '--version').stdout.trim()).toBe(packageJson.version);
    expect(once('--entrypoint', 'talaria', image, '--version').stdout.trim()).toBe(packageJson.version);
    expect(once(image, 'dispatcher')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('DATABASE_URL is missing') as string,
    });
  });

  it('answers its health check, and ends with 0 at SIGTERM', async () => {
    const ingestion = start(
      ...['--env', 'KAFKA_BROKERS=127.0.0.1:1', '--env', 'SPOOL_DIR=/var/lib/talaria/spool'],
      ...['--env', 'WHATSAPP_APP_SECRET=a', '--env', 'WHATSAPP_VERIFY_TOKEN=b', '--env', 'SHUTDOWN_DELAY=0s'],
      ...['--mount', 'type=volume,destination=/var/lib/talaria/spool', image, 'ingestion'],
    );
    const simulator = start('--env', 'WHATSAPP_APP_SECRET=a', image, 'simulator');
    const healthy = (name: string, ...args: string[]) =>
      run('exec', name, 'node', '/app/healthy.cjs', ...args);
    await eventually(() => {
      expect(healthy(ingestion)).toMatchObject({ status: 0 });
      expect(healthy(simulator, 'http://127.0.0.1:3003/health/ready')).toMatchObject({ status: 0 });
    }, 60_000);
    run('stop', '--time', '20', ingestion, simulator);
    expect([ingestion, simulator].map(exitCodeOf)).toEqual([0, 0]);
  }, 120_000);

  it('ends the command at once at Ctrl-C', async () => {
    const name = `talaria-test-${randomUUID()}`;
    containers.push(name);
    const waiting = spawn(docker, [
      ...['run', '--interactive', '--name', name, ...strict, image],
      ...[
        'talaria',
        'webhooks',
        'simulate',
        '--kind',
        'text',
        '--waba',
        '1',
        '--number',
        '2',
        '--secret-file',
        '-',
      ],
    ]);
    await eventually(() => {
      run('kill', '--signal', 'SIGINT', name);
      expect(exitCodeOf(name)).toBe(130);
    }, 60_000);
    waiting.kill();
  }, 120_000);
});
