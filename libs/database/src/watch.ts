import { setTimeout as delay } from 'node:timers/promises';
import { type Logger } from '@talaria/observability';
import { type DatabaseAddress } from './address';
import { listen } from './listen';
import { type Sql } from './transaction';

export type Watch = {
  /**
   * Resolves when a reading that began after this call has ended. Callers share a reading, of which there is at most one a second. Rejects when
   * it failed.
   */
  readonly refresh: () => Promise<void>;
  /** For liveness: why no reading begins any more, whether it would fail or not. */
  readonly stalled: () => string | undefined;
  /** No reading begins any more; one that is under way is not waited for. */
  readonly close: () => Promise<void>;
};

/** A reading ends before, one way or the other: what the server does not answer fails after 35 s. */
const STALLED_MS = 120_000;
const REFRESH_AT_MOST_MS = 1000;
/** Sooner, when something is known to have changed; a script may change thousands of rows one by one. */
const NOTICED_AT_MOST_MS = 200;

/**
 * Reads as soon as Postgres tells of a change on the channel, each time that the connection for it stands anew, and every `pollMs` whatever it tells.
 * Readings never overlap: of two at once, the older could end last.
 * @param database for a connection of the watch's own
 * @param read what is read; it may fail
 * @param onFault told when a reading that nobody asked for has failed
 */
export function watch(options: {
  readonly database: DatabaseAddress;
  readonly channel: string;
  readonly pollMs: number;
  readonly read: () => Promise<void>;
  readonly onFault: (error: unknown) => void;
  readonly logger: Logger;
}): Watch {
  const { database, channel, pollMs, read, onFault, logger } = options;
  let readAt = performance.now();
  let last: Promise<void> = Promise.resolve();
  let isClosed = false;

  const ended = () => last.catch(() => undefined);

  function readNow(): Promise<void> {
    return (last = ended().then(() => {
      readAt = performance.now();
      return isClosed ? undefined : read();
    }));
  }

  /** At most one waits behind the one that is under way, however long that takes. */
  function spaced(atMostMs: number): () => Promise<void> {
    let waiting: Promise<void> | undefined;
    const readNext = async () => {
      await ended();
      await delay(Math.max(0, readAt + atMostMs - performance.now()));
      // Who asks from now on may know of a change that this reading misses.
      waiting = undefined;
      await readNow();
    };
    return () => (waiting ??= readNext());
  }

  const refresh = spaced(REFRESH_AT_MOST_MS);
  const notice = spaced(NOTICED_AT_MOST_MS);
  const poll = setInterval(() => void refresh().catch(onFault), pollMs).unref();
  const listener = listen({ database, channel, logger, onNotice: () => void notice().catch(onFault) });
  return {
    refresh,
    stalled: () =>
      performance.now() - readAt > STALLED_MS + pollMs
        ? `no reading has begun for ${STALLED_MS / 1000} s`
        : undefined,
    async close() {
      isClosed = true;
      clearInterval(poll);
      await listener.close();
    },
  };
}

/**
 * Another text whenever a row was added, changed or deleted, by whomever: each version of a row has a place and a transaction of its own. Ten thousand
 * rows are so looked at in the database, and not sent each second to every process.
 */
export async function readState(sql: Sql, tables: readonly string[]): Promise<string> {
  const states = tables.map(
    (table) =>
      `SELECT concat(count(*), '/', sum(hashtextextended(concat(ctid, '/', xmin), 0))) AS state FROM ${table}`,
  );
  const rows = await sql<{ state: string }>(states.join(' UNION ALL '));
  return rows.map(({ state }) => state).join();
}
