import { setTimeout as delay } from 'node:timers/promises';
import { type DataSource } from 'typeorm';
import { inTransaction, type Sql, sqlOf } from '../transaction';
import { showProjection } from './create-projection';
import { schemaOf } from './schema-of';
import { listProjections, MissingVersionError, type ProjectionVersion } from './list-projections';
import { holdVersions } from './versions';

/** Why a version could not be promoted; everything is as it was. */
export class NotPromotedError extends Error {
  override name = 'NotPromotedError';
}

export type Promotion = { readonly from: number; readonly to: number };

export type PromoteOptions = {
  /** How long the live version waits for the other to come up to it; default 20 s, below what a statement of its processors may take. */
  readonly catchUpWithinMs?: number;
  /** How often it is tried again when a reader does not let go of the views; default 20, half a second apart. */
  readonly attempts?: number;
  readonly say?: (line: string) => void;
};

const CATCH_UP_WITHIN_MS = 20_000;
const ATTEMPTS = 20;
const RETRY_AFTER_MS = 500;
const LOOK_EVERY_MS = 20;

/**
 * Lets readers see another version, and events be told from it, in one transaction. While it lasts the live version projects nothing; the
 * other comes up to exactly the same record of each partition, and tells events from the next one on. So none is left out, and none is told by both.
 * @param version default: the one that is being built, else the last that was live
 * @throws {NotPromotedError}
 * @throws {MissingVersionError}
 */
export async function promoteProjection(
  dataSource: DataSource,
  version: number | undefined,
  options: PromoteOptions = {},
): Promise<Promotion> {
  const { attempts = ATTEMPTS, say = () => undefined } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(dataSource, (sql) => promote(sql, version, options));
    } catch (error) {
      if (!isLockTaken(error)) throw error;
      if (attempt === attempts)
        throw new NotPromotedError(
          `nothing was changed: readers have held the views for too long, ${attempts} times. Look in pg_stat_activity for transactions that stay open, end them, and try again`,
          { cause: error },
        );
      say('a reader holds one of the views; trying again');
      await delay(RETRY_AFTER_MS);
    }
  }
}

/** Lets readers see again what was live before. @throws {NotPromotedError} */
export async function rollBackProjection(
  dataSource: DataSource,
  options: PromoteOptions = {},
): Promise<Promotion> {
  const { to } = await planRollBack(sqlOf(dataSource));
  return promoteProjection(dataSource, to, options);
}

/** What `promoteProjection` would do, if that version comes up to the live one in time. @throws {NotPromotedError} */
export async function planPromotion(sql: Sql, version: number | undefined): Promise<Promotion> {
  const { live, next } = choose(await listProjections(sql), version);
  return { from: live, to: next };
}

/** What `rollBackProjection` would do. @throws {NotPromotedError} */
export async function planRollBack(sql: Sql): Promise<Promotion> {
  const before = lastLive(await listProjections(sql));
  if (before === undefined) throw new NotPromotedError('there is no version that was live before');
  return planPromotion(sql, before.version);
}

async function promote(
  sql: Sql,
  version: number | undefined,
  { catchUpWithinMs = CATCH_UP_WITHIN_MS }: PromoteOptions,
): Promise<Promotion> {
  // Each look at the other version must see what was committed just now.
  await sql('SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
  await holdVersions(sql);
  const { live, next } = choose(await listProjections(sql), version);
  await holdCheckpoints(sql, live);
  if (!(await cameUp(sql, live, next, catchUpWithinMs)))
    throw new NotPromotedError(
      `nothing was changed: version ${next} has not come up to version ${live} within ${catchUpWithinMs / 1000} s. See how far it is with: talaria projections status`,
    );
  await holdCheckpoints(sql, next);
  await handOver(sql, live, next);
  await sql(`UPDATE projections SET state = 'standby' WHERE version = $1`, [live]);
  await sql(`UPDATE projections SET state = 'live', promoted_at = now() WHERE version = $1`, [next]);
  await showProjection(sql, next);
  return { from: live, to: next };
}

function choose(
  all: readonly ProjectionVersion[],
  version: number | undefined,
): { live: number; next: number } {
  const live = all.find(({ state }) => state === 'live');
  if (live === undefined) throw new NotPromotedError('no version is live; restore the table projections');
  const next =
    version === undefined
      ? (all.find(({ state }) => state === 'building') ?? lastLive(all))
      : all.find((one) => one.version === version);
  if (next === undefined)
    throw version === undefined
      ? new NotPromotedError('there is no version but the live one')
      : new MissingVersionError(version);
  if (next.state === 'live') throw new NotPromotedError(`version ${next.version} is live already`);
  return { live: live.version, next: next.version };
}

/** The version that was live before. */
function lastLive(all: readonly ProjectionVersion[]): ProjectionVersion | undefined {
  const standby = all.filter(({ state }) => state === 'standby');
  return standby.sort((a, b) => (a.promotedAt?.getTime() ?? 0) - (b.promotedAt?.getTime() ?? 0)).at(-1);
}

/** Waits for what its processors are doing, and lets them wait until the transaction ends. */
export async function holdCheckpoints(sql: Sql, version: number): Promise<void> {
  await sql(`LOCK TABLE ${schemaOf(version)}.projection_checkpoints IN EXCLUSIVE MODE`);
}

/**
 * Waits until a version stands where another does that goes no further.
 * @returns false when it does not within this time
 */
export async function cameUp(sql: Sql, held: number, other: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    if (await isLevel(sql, held, other)) return true;
    if (performance.now() > deadline) return false;
    await delay(LOOK_EVERY_MS);
  }
}

/** Whether two versions stand at the same record of every partition. */
export async function isLevel(sql: Sql, one: number, other: number): Promise<boolean> {
  const apart = await sql(
    `SELECT FROM ${schemaOf(one)}.projection_checkpoints a
     FULL JOIN ${schemaOf(other)}.projection_checkpoints b USING (topic, partition)
     WHERE coalesce(a.next_offset, 0) <> coalesce(b.next_offset, 0) LIMIT 1`,
  );
  return apart.length === 0;
}

async function handOver(sql: Sql, live: number, next: number): Promise<void> {
  const [old, fresh] = [live, next].map((version) => `${schemaOf(version)}.projection_checkpoints`);
  for (const [to, from] of [
    [fresh, old],
    [old, fresh],
  ]) {
    await sql(
      `INSERT INTO ${to} (topic, partition, next_offset) SELECT topic, partition, next_offset FROM ${from} ON CONFLICT DO NOTHING`,
    );
  }
  await sql(
    `UPDATE ${fresh} AS f SET publish_from = greatest(o.next_offset, o.publish_from)
     FROM ${old} AS o WHERE f.topic = o.topic AND f.partition = o.partition`,
  );
  await sql(`UPDATE ${old} SET publish_from = NULL`);
}

/** 55P03: a lock was not to be had in time. */
function isLockTaken(error: unknown): boolean {
  return (error as { code?: unknown }).code === '55P03';
}
