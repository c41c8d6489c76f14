import { setTimeout as sleep } from 'node:timers/promises';
import { createDataSource, type DatabaseAddress, readState, type Sql, sqlOf, watch } from '@talaria/database';
import { type Logger } from '@talaria/observability';
import { type KeyProvider } from '@talaria/registry';
import { type App, type Apps } from './app';
import { type AppsCopy, DamagedCopyError, readCopy, writeCopy } from './apps-copy';
import { countApps } from '../webhook/webhook.metrics';
import { createAppOpener, type SealedApp } from './open-apps';

/** How long a start waits for the database, before it goes by the copy. */
const FIRST_READING_MS = 2000;
/** A reading that is later than this is not only slow. */
const LATE_MS = 1500;
/** The copy tells how old it is, to about this. */
const COPY_AGAIN_MS = 60_000;
/** A database that is silent must not hold up the end of the process. */
const DISCONNECT_MS = 1000;

/**
 * The apps of the registry that have a secret, held in memory, and followed as they change. Resolves within about two seconds: while the database
 * is away with what the sealed copy in the folder tells, without one with nothing known. It takes the database's word as soon as there is one.
 * @param options.own the app of the environment, if there is one
 * @param options.directory where the copy is kept; there is such a folder
 */
export async function followApps(options: {
  readonly own: App | undefined;
  readonly database: DatabaseAddress;
  readonly keys: KeyProvider;
  readonly pollMs: number;
  readonly directory: string;
  readonly logger: Logger;
}): Promise<Apps> {
  const { own, database, keys, pollMs, directory, logger } = options;
  const dataSource = createDataSource({ ...database, DATABASE_POOL_SIZE: 1 });
  const openApps = createAppOpener(keys, logger);
  const copy = createCopyKeeper(directory, logger);
  let rows: readonly SealedApp[] = [];
  let state: string | undefined;
  let apps: ReadonlyMap<string, App> | undefined;
  let faults: ReadonlyMap<string, number> = new Map();
  let knownAt: number | undefined;
  /** On the monotonic clock, which nobody sets: when what the database said last was asked for. */
  let heardAt = -Infinity;
  let isAway = false;

  function show(opened: ReadonlyMap<string, App>): void {
    countApps(apps?.keys() ?? [], new Set(opened.keys()));
    apps = opened;
    faults = new Map(
      [...apps.values()].map((app) => [app.id, faultsOf(app)] as const).filter(([, count]) => count > 0),
    );
  }

  async function read(): Promise<void> {
    if (!dataSource.isInitialized) await dataSource.initialize();
    const readAt = Date.now();
    const askedAt = performance.now();
    // First: what changes while we read is read again.
    const found = await readState(sqlOf(dataSource), ['apps']);
    const hasChanged = found !== state;
    if (hasChanged) rows = await readRows(sqlOf(dataSource));
    // A key may have come that opens what did not open.
    if (hasChanged || faults.size > 0) show(await openApps(rows));
    state = found;
    knownAt = readAt;
    heardAt = askedAt;
    if (isAway) logger.info('the database tells of the apps again');
    isAway = false;
    await copy.keep({ readAt, apps: rows }, hasChanged);
  }

  function find(id: string): App | undefined {
    const app = apps?.get(id);
    const isFresh = performance.now() - heardAt < pollMs + LATE_MS;
    return isFresh || app === undefined ? app : { ...app, isStale: true };
  }

  function away(error: unknown): void {
    if (!isAway) logger.error({ err: error, ...known() }, 'the apps cannot be read from the database');
    isAway = true;
  }

  const known = () => (knownAt === undefined ? {} : { knownAt: new Date(knownAt).toISOString() });

  async function showCopy(): Promise<void> {
    const kept = await copy.read();
    if (kept === undefined) return;
    const opened = await openApps(kept.apps);
    // The database may have answered meanwhile.
    if (state !== undefined) return;
    show(opened);
    knownAt = kept.readAt;
    logger.warn(
      { apps: kept.apps.length, ...known() },
      'the database does not answer: webhooks are taken for the apps of the copy in SPOOL_DIR, which may have changed since',
    );
  }

  const first = read().catch(away);
  await Promise.race([first, sleep(FIRST_READING_MS, undefined, { ref: false })]);
  if (state === undefined) await showCopy();
  if (apps === undefined)
    logger.error(
      'no app of the registry is known: there is no copy in SPOOL_DIR either. Their webhooks are answered 503 until the database answers: look at DATABASE_URL',
    );
  const watched = watch({
    ...{ database, channel: 'talaria_registry', pollMs, logger, onFault: away },
    read: () => first.then(read),
  });
  return {
    find: (id) => (id === undefined ? own : find(id)),
    get areKnown() {
      return apps !== undefined;
    },
    get knownAt() {
      return knownAt;
    },
    get faults() {
      return faults;
    },
    fault: () =>
      apps === undefined && own === undefined
        ? 'no app is known: the database does not answer, and there is no copy of its apps in SPOOL_DIR'
        : undefined,
    stalled: watched.stalled,
    async close() {
      await watched.close();
      if (dataSource.isInitialized)
        await Promise.race([dataSource.destroy(), sleep(DISCONNECT_MS, undefined, { ref: false })]);
    },
  };
}

/** A row without a secret is an app that only sends. */
function readRows(sql: Sql): Promise<SealedApp[]> {
  return sql<SealedApp>(
    `SELECT app_id AS "appId", app_secrets AS "appSecrets", verify_token AS "verifyToken" FROM apps
     WHERE cardinality(app_secrets) > 0 ORDER BY app_id`,
  );
}

/** Keeps the copy up to date. That it cannot be read or written is logged, once, and keeps nobody from taking webhooks. */
function createCopyKeeper(directory: string, logger: Logger) {
  let writtenAt = -Infinity;
  let hasFailed = false;
  return {
    async read(): Promise<AppsCopy | undefined> {
      try {
        return await readCopy(directory);
      } catch (error) {
        if (error instanceof DamagedCopyError) logger.error(error.message);
        else logger.error({ err: error }, 'the copy of the apps in SPOOL_DIR cannot be read');
        return undefined;
      }
    },
    async keep(what: AppsCopy, hasChanged: boolean): Promise<void> {
      if (!hasChanged && !hasFailed && what.readAt - writtenAt < COPY_AGAIN_MS) return;
      try {
        await writeCopy(directory, what);
        writtenAt = what.readAt;
        if (hasFailed) logger.info('the copy of the apps in SPOOL_DIR is written again');
        hasFailed = false;
      } catch (error) {
        if (!hasFailed)
          logger.error(
            { err: error },
            'the copy of the apps in SPOOL_DIR cannot be written: a start while the database is away would go by an older one. Make room, or mend the disk',
          );
        hasFailed = true;
      }
    },
  };
}

const faultsOf = ({ sealedSecrets, isTokenSealed }: App) => sealedSecrets + Number(isTokenSealed);
