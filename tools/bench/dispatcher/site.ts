import { generateKey } from '@talaria/registry';
import { type AppProcess } from '../../platform/app-process';
import { keysOf, registerNumbers } from '../../platform/register';
import { Simulator } from '../../platform/simulator';
import { freePorts } from '../../stack/ports';
import { type BenchContext } from '../bench-case';
import { type Database, openDatabase } from '../database';
import { type Ground, openGround } from '../ground';
import { type Sender, type SendersAsked, sendersOf } from './commands';
import { openPublisher, type Publisher } from './publisher';

/** What one run of a part stands on: topics, a database and a stand-in for Meta of its own. */
export type Site = {
  readonly ground: Ground;
  readonly database: Database;
  readonly simulator: Simulator;
  readonly simulatorPid: number;
  /** Numbers that the registry and the stand-in know. */
  addSenders(asked: SendersAsked): Promise<readonly Sender[]>;
  /** The dispatcher, ready; it goes on where the one before it has ended. */
  startDispatcher(env?: NodeJS.ProcessEnv): Promise<AppProcess>;
  readonly publisher: Publisher;
  openPublisher(): Promise<Publisher>;
  /** Numbers of commands that nobody else takes: the first of so many. */
  take(count: number): number;
};

const PUT_AT_ONCE = 100;

/**
 * @param limits whether the stand-in refuses what Meta would refuse
 * @param work is done with the site, which is closed afterwards
 */
export async function onSite<T>(
  context: BenchContext,
  { limits }: { readonly limits: boolean },
  work: (site: Site) => Promise<T>,
): Promise<T> {
  const ground = await openGround(context, context.stack);
  try {
    const database = await openDatabase(ground, context.stack.databaseUrl, 1);
    return await work(await siteOn(ground, database, await startSimulator(ground, limits)));
  } finally {
    await ground.close();
  }
}

type Standing = Pick<Site, 'simulator' | 'simulatorPid'>;

/** Meta's stand-in, which posts no statuses. */
export async function startSimulator(ground: Ground, limits: boolean): Promise<Standing> {
  const { url, pid = 0 } = await ground.startServer('simulator', 'apps/simulator/src/main.js', {});
  const simulator = new Simulator(url);
  await simulator.putSettings({ limits, statuses: { sent: null, delivered: null, read: null } });
  return { simulator, simulatorPid: pid };
}

/** Several may share a ground and a stand-in, and take turns with their databases. */
export async function siteOn(
  ground: Ground,
  database: Database,
  { simulator, simulatorPid }: Standing,
): Promise<Site> {
  const secretsKeys = generateKey();
  let senders = 0;
  let commands = 0;
  const take = (count: number) => (commands += count) - count;

  return {
    ...{ ground, database, simulator, simulatorPid, take },
    async addSenders(asked) {
      const added = sendersOf(senders, asked);
      senders += added.length;
      await registerNumbers(database.url, keysOf(secretsKeys), added);
      for (let done = 0; done < added.length; done += PUT_AT_ONCE)
        await Promise.all(added.slice(done, done + PUT_AT_ONCE).map((one) => simulator.putNumber(one)));
      return added;
    },
    async startDispatcher(env) {
      const [metricsPort = 0] = await freePorts(1);
      return ground.startServer('dispatcher', 'apps/dispatcher/src/main.js', {
        DATABASE_URL: database.url,
        SECRETS_KEYS: secretsKeys,
        SECRETS_KEYS_FILE: '',
        METRICS_PORT: String(metricsPort),
        GRAPH_API_URL: simulator.url,
        // As it is deployed: with a line for each attempt.
        LOG_LEVEL: 'info',
        ...env,
      });
    },
    publisher: await openPublisher(ground, take),
    openPublisher: () => openPublisher(ground, take),
  };
}

/** What the registry allows them from now on; the stand-in goes on with what it was told first. */
export async function setRate(
  { database }: Site,
  senders: readonly Sender[],
  messagesPerSecond: number,
): Promise<void> {
  await database.client.query(
    'UPDATE phone_numbers SET messages_per_second = $2 WHERE phone_number_id = ANY ($1)',
    [senders.map(({ phoneNumberId }) => phoneNumberId), messagesPerSecond],
  );
}
