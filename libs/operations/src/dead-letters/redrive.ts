import { sqlOf } from '@talaria/database';
import { type VerifiedProducer } from '@talaria/kafka';
import { type DataSource, type QueryRunner } from 'typeorm';
import { NotFoundError } from '../errors';
import { patiently } from '../patiently';
import { type Causes, type Counted, countLetters } from './count-letters';
import { countOpen, type Discarded, discardLetters } from './discard-letters';
import { type LetterFilter } from './filter';
import {
  abandonRedrive,
  type Redrive,
  type RedriveOrder,
  readRedrive,
  runningRedrives,
  takeLetters,
} from './redrives';
import { sendRedrive } from './send-redrive';

/** Why a person decides something, and who. */
export type Signature = { readonly reason: string; readonly by: string };

export type Redriving = {
  readonly dataSource: DataSource;
  /** For `redriveTopics`. */
  readonly producer: VerifiedProducer;
  /** Ends it after what is under way; while Kafka is away that is waited for only 3 s. */
  readonly signal: AbortSignal;
  /** Told before the first is sent. */
  readonly onBegun: (redrive: Redrive, leftOut: Counted['leftOut']) => void;
  /** Told after each step. */
  readonly onProgress: (redrive: Redrive) => void;
};

const INTERRUPT_MS = 3000;
/** Any number, the same in every process: whoever sends a re-drive holds the lock of this and its id. */
const REDRIVE_LOCK = 7_460_312;
const NOTHING = 'No open dead letter is meant by this: talaria dead-letters list shows those that are';

/** What a re-drive would take, and leave. Changes nothing. */
export function tryRedrive(
  dataSource: DataSource,
  { filter, correction }: Pick<RedriveOrder, 'filter' | 'correction'>,
): Promise<Counted> {
  const renews = correction?.expiresAt !== undefined;
  return patiently(dataSource, (sql) => countLetters(sql, { filter, renews }));
}

/**
 * Sends letters again, at a rate. What it takes is marked first, by one statement.
 * @returns how it ended: finished, or running, which is that it was interrupted and can be continued
 * @throws {NotFoundError} when there is nothing to send · when another was interrupted, which comes first · when it was interrupted by a fault
 */
export function beginRedrive(order: RedriveOrder, by: Signature, around: Redriving): Promise<Redrive> {
  const { dataSource, onBegun } = around;
  return withLock(dataSource, async (lock) => {
    await refuseBehindInterrupted(dataSource, lock);
    const { leftOut } = await tryRedrive(dataSource, order);
    const redrive = await patiently(dataSource, async (sql) => {
      const taken = await takeLetters(sql, order, by);
      if (taken === undefined) throw new NotFoundError(NOTHING);
      // Before anybody sees it: without its lock it would look as if it had been interrupted.
      await lock.take(taken.id);
      return taken;
    });
    onBegun(redrive, leftOut);
    return send(redrive, around);
  });
}

/**
 * Goes on where a re-drive was interrupted.
 * @param perSecond undefined: as fast as before
 * @throws {NotFoundError} when there is none · when somebody is at it, or it is over
 */
export function continueRedrive(
  id: number,
  perSecond: number | undefined,
  around: Redriving,
): Promise<Redrive> {
  return withLock(around.dataSource, async (lock) => {
    const resumed = await resume(id, around.dataSource, lock);
    const redrive = { ...resumed, perSecond: perSecond ?? resumed.perSecond };
    around.onBegun(redrive, {});
    return send(redrive, around);
  });
}

/** Ends a re-drive that was interrupted. @returns how many letters are open again @throws as `continueRedrive` */
export function giveUpRedrive(id: number, dataSource: DataSource): Promise<number> {
  return withLock(dataSource, async (lock) => {
    const redrive = await resume(id, dataSource, lock);
    return patiently(dataSource, (sql) => abandonRedrive(sql, redrive));
  });
}

/** How many open letters of each cause a filter names. Changes nothing. */
export function tryDiscard(dataSource: DataSource, filter: LetterFilter): Promise<Causes> {
  return patiently(dataSource, (sql) => countOpen(sql, filter));
}

/** Takes letters off the list. @throws {NotFoundError} when there are none */
export async function discard(
  dataSource: DataSource,
  filter: LetterFilter,
  by: Signature,
): Promise<Discarded> {
  const done = await patiently(dataSource, (sql) => discardLetters(sql, filter, by));
  if (done === undefined) throw new NotFoundError(NOTHING);
  return done;
}

async function refuseBehindInterrupted(dataSource: DataSource, lock: Lock): Promise<void> {
  for (const one of await runningRedrives(sqlOf(dataSource))) {
    if (await lock.isHeld(one.id)) continue;
    throw new Error(
      `Re-drive ${one.id} of ${one.by} (${one.reason}) was interrupted: ${one.sent} of ${one.letters} are sent. ` +
        `First go on with it: ${commandOf('continue', one.id)}, or give it up: ${commandOf('abandon', one.id)}`,
    );
  }
}

/** A re-drive that nobody is at. */
async function resume(id: number, dataSource: DataSource, lock: Lock): Promise<Redrive> {
  await readRedrive(sqlOf(dataSource), id);
  if (!(await lock.take(id)))
    throw new Error(`another process is at re-drive ${id}: end that first (Ctrl-C), or let it go on`);
  // Whoever had it before may have gone on until it gave up the lock.
  const redrive = await readRedrive(sqlOf(dataSource), id);
  if (redrive.state !== 'running') throw new Error(`re-drive ${id} is ${redrive.state} already`);
  return redrive;
}

async function send(redrive: Redrive, around: Redriving): Promise<Redrive> {
  const { producer, signal } = around;
  const { id, perSecond } = redrive;
  signal.addEventListener('abort', () => setTimeout(producer.giveUp, INTERRUPT_MS).unref());
  return sendRedrive({ ...around, perSecond }, redrive).catch((cause: unknown) => {
    const why = producer.fault() ?? (cause instanceof Error ? cause.message : String(cause));
    throw new Error(`Re-drive ${id} was interrupted: ${why}. Go on with: ${commandOf('continue', id)}`, {
      cause,
    });
  });
}

const commandOf = (what: 'continue' | 'abandon', id: number) =>
  `talaria dead-letters redrive --${what} ${id}`;

type Lock = {
  /** @returns false when another process has it */
  take(id: number): Promise<boolean>;
  isHeld(id: number): Promise<boolean>;
};

/** Locks of a connection of its own, which Postgres gives back when the process ends, however it does. */
async function withLock<T>(dataSource: DataSource, work: (lock: Lock) => Promise<T>): Promise<T> {
  const holder: QueryRunner = dataSource.createQueryRunner();
  const ask = async (call: string, id: number) => {
    const [row] = (await holder.query(`SELECT ${call}($1::integer, $2::integer) AS yes`, [
      REDRIVE_LOCK,
      id,
    ])) as {
      yes: boolean;
    }[];
    return row?.yes === true;
  };
  try {
    return await work({
      take: (id) => ask('pg_try_advisory_lock', id),
      async isHeld(id) {
        if (!(await ask('pg_try_advisory_lock', id))) return true;
        await ask('pg_advisory_unlock', id);
        return false;
      },
    });
  } finally {
    await holder.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    await holder.release();
  }
}
