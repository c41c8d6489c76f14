import { setTimeout as delay } from 'node:timers/promises';
import { listProjections, PROJECTION_SHAPE, type ProjectionVersion, sqlOf } from '@talaria/database';
import { projectionGroup } from '@talaria/contracts';
import { type DataSource } from 'typeorm';
import { showVersions } from '../projections/projection.metrics';
import { type RunningVersion, startVersion, type VersionOptions } from './start-version';

export type Versions = {
  /** For start-up: why it is not known yet which versions run, or not all of them have joined their groups. */
  notStarted(): string | undefined;
  /** For liveness: why one of the versions that run makes no progress by itself, or nobody looks which should run. */
  fault(): string | undefined;
  /** For readiness: why what readers see is not kept up to date from here. */
  notReady(): string | undefined;
  close(): Promise<void>;
};

const NOT_SEEN = 'has not seen yet which versions of the read model there are';
const LOOK_EVERY_MS = 1000;
const STARTS_WITHIN_MS = 3000;
/** A version starts, or stops, in less. */
const STALLED_MS = 120_000;

/**
 * Runs the consumers of every version of the read model that has the shape which this program writes, and looks once a second which these
 * are. A version that cannot be started is tried again.
 * @param dataSource on what is public; stays open
 */
export function runVersions(dataSource: DataSource, options: VersionOptions): Versions {
  const { logger, clock = performance } = options;
  const running = new Map<number, RunningVersion>();
  const closing = new AbortController();
  let ours: readonly ProjectionVersion[] | undefined;
  let lookedAt = clock.now();

  async function look(): Promise<void> {
    ours = (await listProjections(sqlOf(dataSource))).filter(({ shape }) => shape === PROJECTION_SHAPE);
    const wanted = new Set(ours.map(({ version }) => version));
    for (const version of running.keys()) if (!wanted.has(version)) await stop(version);
    for (const version of wanted) if (!running.has(version) && !closing.signal.aborted) await start(version);
  }

  async function start(version: number): Promise<void> {
    lookedAt = clock.now();
    const isLive = () => ours?.find((one) => one.version === version)?.state === 'live';
    running.set(version, await startVersion(options, version, isLive));
    logger.info({ projection: version }, 'runs a version of the read model');
  }

  async function stop(version: number): Promise<void> {
    const one = running.get(version);
    running.delete(version);
    await one?.close();
    logger.info({ projection: version }, 'has stopped a version of the read model');
  }

  showVersions(() =>
    (ours ?? [])
      .filter(({ version }) => running.has(version))
      .map(({ version, state }) => [{ group: projectionGroup(version), state }, 1] as const),
  );

  const looking = (async () => {
    while (!closing.signal.aborted) {
      lookedAt = clock.now();
      await look().catch((error: unknown) => {
        logger.error({ err: error }, 'versions of the read model could not be started or stopped yet');
      });
      await delay(LOOK_EVERY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  })();

  return {
    notStarted() {
      if (ours === undefined) return NOT_SEEN;
      const waiting = ours.find(({ version }) => running.get(version)?.joined() !== true);
      return waiting && `version ${waiting.version} is not a member of its group yet`;
    },
    fault() {
      if (clock.now() - lookedAt > STALLED_MS)
        return `nobody has looked for ${STALLED_MS / 1000} s which versions should run`;
      for (const [version, one] of running) {
        const fault = one.fault();
        if (fault !== undefined) return `version ${version}: ${fault}`;
      }
      return undefined;
    },
    notReady() {
      if (ours === undefined) return NOT_SEEN;
      // A newer program beside the old: what it builds is what it is for until that is promoted.
      const version = (ours.find(({ state }) => state === 'live') ?? ours.at(-1))?.version;
      if (version === undefined)
        return `no version of the read model has shape ${PROJECTION_SHAPE}, which this program writes. Make one with: talaria projections rebuild`;
      return running.get(version)?.joined() === true
        ? undefined
        : `version ${version} is not a member of its group yet`;
    },
    async close() {
      closing.abort();
      // A version that Kafka lets wait for its start may take longer than the process has for its end.
      await Promise.race([looking, delay(STARTS_WITHIN_MS, undefined, { ref: false })]);
      await Promise.all([...running.keys()].map(stop));
    },
  };
}
