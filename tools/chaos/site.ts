import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type AppProcess } from '../platform/app-process';
import { type Platform, type PlatformDirectories, startPlatform, type Workload } from '../platform/platform';
import { type NewNumber } from '../platform/register';
import { endOfLog } from '../stack/child';
import { repositoryRoot } from '../stack/repository';
import { startBalancer } from './surroundings/balancer';
import { clocksIn } from './surroundings/clocks';
import { type Departures, departuresIn } from './surroundings/departures';
import { defectSettings, type Defect } from './defects/defects';
import { APP, clearFaults, startUntilUp, tokenOf } from './nemesis/deeds';
import { type Victims } from './nemesis/victims';
import { placeOf, urlBy } from './surroundings/link';
import { type HurtableStack } from './surroundings/hurtable-stack';
import { createNetwork, type Network } from './surroundings/network';
import { numbers } from './outbound/plan';
import { apps, kafkaClients, type ProcessName, processNames } from './processes';
import { mountSmallDisk, type SmallDisk, smallDiskProblem } from './surroundings/small-disk';

export const LOOKED_FOR_SECONDS = 20;
export const ANSWERED_WITHIN_SECONDS = 4;
const DISK_MIB = 24;

/** Long for what is short in production, and the other way round: a minute has to hold what takes days there. */
const settings: Record<Workload, Record<string, string>> = {
  ingestion: {
    WEBHOOK_ACK_TIMEOUT: '2s',
    SPOOL_MAX_SIZE: '16MiB',
  },
  dispatcher: {
    KAFKA_SESSION_TIMEOUT: '6s',
    // Shorter than a hang lasts, and longer than all but an overrun machine needs for an answer.
    GRAPH_API_TIMEOUT: `${ANSWERED_WITHIN_SECONDS}s`,
    UNKNOWN_CHECK_INTERVAL: '1s',
    // Longer than a status may be late for an outage and a restart of the processor behind it.
    UNKNOWN_WAIT: `${LOOKED_FOR_SECONDS}s`,
    RETRY_SCHEDULE: '200ms 400ms 800ms 2s 2s 3s 3s 3s',
    RETRY_SCHEDULE_UNAVAILABLE: '400ms 800ms 2s 2s 3s 3s 3s 3s',
    RETRY_IN_LANE_MAX: '1s',
    PARK_DURATION: '3s',
    DISPATCH_MAX_QUEUED: '60',
    // What a busy machine holds up arrives with what comes after it, and Meta's stand-in counts arrivals.
    DISPATCH_RATE_PERCENT: '60',
  },
  processor: { KAFKA_SESSION_TIMEOUT: '6s' },
};

export type SiteOptions = {
  readonly stack: HurtableStack;
  readonly directories: PlatformDirectories;
  /** What is known to be wrong with the platform; undefined: nothing. */
  readonly defect?: Defect | undefined;
  readonly say: (line: string) => void;
};

/** Two of each app, with all ways between the parts in our hands. */
export type Site = Victims & {
  /** Where webhooks may be posted, past the balancer. */
  readonly webhookUrls: readonly string[];
  /** When dispatchers called Meta. */
  readonly departures: Pick<Departures, 'read' | 'readFailed'>;
  /** Processes that ended though nobody asked them to; each was started again. */
  readonly ended: readonly string[];
  /** Nothing is hurt any more, and everything runs. */
  mend(): Promise<void>;
  close(): Promise<void>;
};

export async function openSite(options: SiteOptions): Promise<Site> {
  const surroundings = await openSurroundings(options);
  const undo = [() => surroundings.close()];
  try {
    const platform = await startPlatformIn(surroundings, options);
    undo.push(async () => {
      for (const app of surroundings.running.values()) await app.kill();
      await platform.stop();
    });
    const close = async () => {
      for (const step of undo.reverse()) await step();
    };
    const site = await assemble(platform, surroundings, options, close);
    await register(site);
    return site;
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

/** All that is about the platform, and can be hurt. */
async function openSurroundings({ directories, say }: SiteOptions) {
  const folder = join(directories.logDirectory, 'preloaded');
  // What a run of the same seed has left, if it was interrupted.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const disks = mountDisks(say);
  const links = createNetwork();
  const doors = new Map<string, string>();
  const balancer = await startBalancer(({ name, url }) => doors.get(name) ?? url);
  return {
    ...{ clocks: clocksIn(folder), departures: departuresIn(folder), disks, links, doors, balancer },
    ended: [] as string[],
    /** Those that are started again when they end by themselves. */
    running: new Map<string, AppProcess>(),
    async close() {
      await balancer.close();
      await links.close();
      for (const disk of disks?.values() ?? []) disk.unmount();
      rmSync(folder, { recursive: true });
    },
  };
}
type Surroundings = Awaited<ReturnType<typeof openSurroundings>>;

const environmentOf = (app: Workload, name: string, surroundings: Surroundings, defect?: Defect) => ({
  ...settings[app],
  ...preloading(
    surroundings.clocks.environmentOf(name),
    seenEnvironmentOf(app, name, surroundings),
    defectEnvironment(app, defect),
  ),
  ...(app === 'ingestion' &&
    surroundings.disks !== undefined && {
      SPOOL_DIR: join(diskOf(surroundings.disks, name).folder, 'spool'),
    }),
});

const seenEnvironmentOf = (app: Workload, name: string, { departures }: Surroundings) =>
  app === 'dispatcher' ? departures.environmentOf(name) : {};

/** Nobody sets the clock of one that is there for a while only. */
const environmentOfThird = (app: Workload, name: string, surroundings: Surroundings, defect?: Defect) => ({
  ...settings[app],
  ...preloading(seenEnvironmentOf(app, name, surroundings), defectEnvironment(app, defect)),
});

async function startPlatformIn(
  surroundings: Surroundings,
  { stack, directories, defect, say }: SiteOptions,
): Promise<Platform> {
  const { links, balancer, ended, running } = surroundings;
  return startPlatform({
    ...{ name: `chaos-${Date.now().toString(36)}`, directories },
    ...{ kafkaBrokers: stack.kafkaBrokers, databaseUrl: stack.databaseUrl },
    async wayTo(name, server, address) {
      if (server !== 'kafka') return openUrl(links, name, server, address);
      return kafkaClients.includes(name) ? stack.network.kafkaBrokers(name) : address;
    },
    env: {
      simulator: {
        WEBHOOK_URL: await openUrl(links, 'simulator', 'door', `${balancer.url}/webhooks/whatsapp`),
      },
      ...Object.fromEntries(apps.map((app) => [app, environmentOf(app, app, surroundings, defect)])),
    },
    onUnexpectedEnd(name, how) {
      const app = running.get(name);
      // Before it is started again, and writes on.
      ended.push(`${name}: ${how}. ${endOfLog(join(directories.logDirectory, `${name}.log`), 3)}`);
      if (app !== undefined) startUntilUp(app).catch((error: unknown) => say(String(error)));
    },
  });
}

/** The second of each app, and the ways to their doors. */
async function assemble(
  platform: Platform,
  surroundings: Surroundings,
  { stack, defect, say }: SiteOptions,
  close: () => Promise<void>,
): Promise<Site> {
  const { links, doors, balancer, clocks, departures, disks, ended, running } = surroundings;
  const second = (app: Workload) =>
    platform.addAnother(app, `${app}-2`, environmentOf(app, `${app}-2`, surroundings, defect));
  const [ingestion2, processor2, dispatcher2] = await Promise.all(apps.map(second));
  const processes = {
    ...platform.apps,
    ...{ 'ingestion-2': ingestion2, 'processor-2': processor2, 'dispatcher-2': dispatcher2 },
  } as Record<ProcessName, AppProcess>;
  for (const app of Object.values(processes)) running.set(app.name, app);
  const webhookUrls: string[] = [];
  for (const app of [processes.ingestion, processes['ingestion-2']]) {
    const url = await openUrl(links, 'door', app.name, app.url);
    doors.set(app.name, url);
    balancer.add(app);
    webhookUrls.push(new URL(`/webhooks/whatsapp/${APP}`, url).href);
  }
  let added = 0;
  const thirds = new Set<AppProcess>();
  return {
    ...{ platform, processes, thirds, stack, clocks, disks, webhookUrls, ended, say, close },
    linkBetween: (from, to) => (to.startsWith('kafka-') ? stack.network : links).between(from, to),
    departures,
    numbers: new Map<string, NewNumber>(),
    secret: { current: 'chaos-secret' },
    async addThird(app) {
      const name = `${app}-third-${++added}`;
      const third = await platform.addAnother(app, name, environmentOfThird(app, name, surroundings, defect));
      thirds.add(third);
      return third;
    },
    talaria: (args, input) => runTalaria(platform, args, input),
    async mend() {
      for (const link of [...stack.network.links(), ...links.links()]) link.heal();
      for (const name of processNames) clocks.set(name, 0);
      await clearFaults({ platform });
    },
  };
}

/** @returns the same URL by a link of its own */
async function openUrl(network: Network, from: string, to: string, url: string): Promise<string> {
  return urlBy(await network.open(from, to, placeOf(url)), url);
}

async function register({ platform, numbers: known, talaria, secret }: Site): Promise<void> {
  await talaria(['apps', 'add', APP, '--secret-stdin'], secret.current);
  for (const number of numbers) {
    const one = { ...number, accessToken: tokenOf(number.wabaId) };
    known.set(number.phoneNumberId, one);
    await platform.addNumber(one);
  }
}

/** Told, and left out, where none can be mounted. */
function mountDisks(say: (line: string) => void): Map<string, SmallDisk> | undefined {
  const problem = smallDiskProblem();
  if (problem !== undefined) {
    say(`No disk is full in this run: ${problem}.`);
    return undefined;
  }
  const disks = new Map(['ingestion', 'ingestion-2'].map((name) => [name, mountSmallDisk(DISK_MIB)]));
  // However this process ends.
  process.on('exit', () => disks.forEach((disk) => disk.unmount()));
  return disks;
}

function diskOf(disks: ReadonlyMap<string, SmallDisk>, name: string): SmallDisk {
  const disk = disks.get(name);
  if (disk === undefined) throw new Error(`${name} has no disk`);
  return disk;
}

const defectEnvironment = (app: Workload, defect: Defect | undefined): Record<string, string> =>
  defect === undefined ? {} : { NODE_OPTIONS: defectSettings(defect, app) };

/** What all of them ask for, with the options of each. */
function preloading(...environments: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const options = environments.map(({ NODE_OPTIONS = '' }) => NODE_OPTIONS);
  return environments.reduce((all, one) => ({ ...all, ...one, NODE_OPTIONS: options.join(' ') }), {});
}

/** As an operator on a machine of his own, whom nobody hurts. */
async function runTalaria(platform: Platform, args: readonly string[], input = ''): Promise<void> {
  const program = join(repositoryRoot(), 'dist/apps/cli/src/main.js');
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: {
      ...process.env,
      KAFKA_BROKERS: platform.kafkaBrokers,
      KAFKA_PREFIX: platform.kafkaPrefix,
      DATABASE_URL: platform.databaseUrls.operator,
      SECRETS_KEYS: platform.secretsKeys,
    },
  });
  const said: Buffer[] = [];
  child.stderr.on('data', (part: Buffer) => said.push(part));
  child.stdin.on('error', () => undefined).end(input);
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`talaria ${args.join(' ')}: ${Buffer.concat(said).toString().trim()}`);
}
