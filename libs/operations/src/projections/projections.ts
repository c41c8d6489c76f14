import { setTimeout as delay } from 'node:timers/promises';
import {
  type Comparison,
  compareProjections,
  dropProjection,
  listProjections,
  MissingVersionError,
  type ProjectionVersion,
  readProgress,
  sqlOf,
  sumProjection,
  type TableSum,
} from '@talaria/database';
import { type DataSource } from 'typeorm';
import { type KafkaAccess } from '../with-admin';
import { deleteGroup, readLogEnds } from './kafka-side';
import { statusOf, type VersionStatus } from './progress';

export type ProjectionsAccess = {
  readonly dataSource: DataSource;
  /** Undefined: what only Kafka knows is left out. */
  readonly kafka: KafkaAccess | undefined;
  /** Told, for a person, what could not be found out or done beside. */
  readonly say: (line: string) => void;
};

const LOOK_EVERY_MS = 1000;

/** How far every version is: two looks, a second apart. */
export async function projectionStatus({
  dataSource,
  kafka,
  say,
}: ProjectionsAccess): Promise<VersionStatus[]> {
  const sql = sqlOf(dataSource);
  const before = await readProgress(sql);
  const begunAt = performance.now();
  const [ends] = await Promise.all([
    kafka &&
      readLogEnds(kafka).catch((error: unknown) => {
        say(
          `Kafka does not tell where its topics end: ${error instanceof Error ? error.message : String(error)}`,
        );
        return undefined;
      }),
    delay(LOOK_EVERY_MS),
  ]);
  return statusOf(before, await readProgress(sql), performance.now() - begunAt, ends);
}

/** What `beginRebuild` would do. */
export async function planRebuild(dataSource: DataSource): Promise<{ version?: number; isNew: boolean }> {
  const building = (await listProjections(sqlOf(dataSource))).find(({ state }) => state === 'building');
  return building === undefined ? { isNew: true } : { version: building.version, isNew: false };
}

/** Resolves when a version has what the live one has. @param onLook told once a second how far it is */
export async function untilCaughtUp(
  around: ProjectionsAccess,
  version: number,
  onLook: (status: VersionStatus) => void,
): Promise<VersionStatus> {
  for (;;) {
    const status = (await projectionStatus(around)).find((one) => one.version === version);
    if (status === undefined) throw new Error(`version ${version} was dropped meanwhile`);
    if (status.behindLive === 0 || status.state === 'live') return status;
    onLook(status);
  }
}

/** @param versions default: the live one and the newest other */
export async function compareVersions(
  dataSource: DataSource,
  versions?: readonly [number, number],
): Promise<Comparison> {
  for (const version of versions ?? []) await versionOf(dataSource, version);
  const [one, other] = versions ?? (await liveAndOther(dataSource));
  return compareProjections(dataSource, one, other);
}

/** Counts and checksums of a version's tables. @param version default: the live one */
export async function sumVersion(
  dataSource: DataSource,
  version?: number,
): Promise<{ version: number; tables: TableSum[] }> {
  const summed = version ?? (await liveVersion(dataSource));
  await versionOf(dataSource, summed);
  return { version: summed, tables: await sumProjection(dataSource, summed) };
}

/** A version as it is listed. @throws {MissingVersionError} */
export async function versionOf(dataSource: DataSource, version: number): Promise<ProjectionVersion> {
  const found = (await listProjections(sqlOf(dataSource))).find((one) => one.version === version);
  if (found === undefined) throw new MissingVersionError(version);
  return found;
}

/** Removes a version that is not live, with its consumer group where Kafka can be asked. @throws as `dropProjection` */
export async function dropVersion(
  { dataSource, kafka, say }: ProjectionsAccess,
  version: number,
): Promise<void> {
  await dropProjection(dataSource, version, {
    // Best effort: without Kafka the rows go while a processor may still look for them, and says so in its log.
    async stopped() {
      if (kafka === undefined) {
        say('KAFKA_BROKERS is not set: the consumer group of this version stays.');
        return;
      }
      const isGone = await deleteGroup(kafka, version).catch(() => false);
      if (!isGone)
        say(
          'The consumer group of this version could not be removed; a version of this number would do without it.',
        );
    },
  });
}

async function liveVersion(dataSource: DataSource): Promise<number> {
  const live = (await listProjections(sqlOf(dataSource))).find(({ state }) => state === 'live');
  if (live === undefined) throw new Error('no version is live');
  return live.version;
}

async function liveAndOther(dataSource: DataSource): Promise<[number, number]> {
  const live = await liveVersion(dataSource);
  const other = (await listProjections(sqlOf(dataSource))).findLast(({ version }) => version !== live);
  if (other === undefined) throw new Error('there is no version but the live one: nothing to compare');
  return [live, other.version];
}
