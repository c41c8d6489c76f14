import { setTimeout as sleep } from 'node:timers/promises';
import { percentiles } from '../load/run-load';
import { findFacts, idOf } from './find-facts';
import { type Database } from './ground';
import { factOf } from './records';

/** Measures how long it takes until readers see what was published. */
export type Visibility = {
  /** Begins to look for the fact of this record, from now on. */
  expect(index: number): void;
  /** Waits for what is not there yet. */
  end(): Promise<{
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
    readonly unseen: number;
  }>;
};

/** How exact the times are, beside what a query takes. */
const POLL_MS = 2;
const SEEN_WITHIN_MS = 30_000;

/** @param isCounted whether the time of a record that is expected now counts; all are waited for */
export function watchVisibility(database: Database, isCounted: () => boolean = () => true): Visibility {
  const waiting = new Map<string, { index: number; since: number; counts: boolean }>();
  const times: number[] = [];
  let giveUpAt = Infinity;
  let failure: unknown;

  async function look(): Promise<void> {
    while (performance.now() < giveUpAt && (giveUpAt === Infinity || waiting.size > 0)) {
      if (waiting.size > 0) {
        const found = await findFacts(
          database,
          [...waiting.values()].map(({ index }) => factOf(index)),
        );
        const now = performance.now();
        for (const id of found) {
          const one = waiting.get(id);
          if (one?.counts === true) times.push(now - one.since);
          waiting.delete(id);
        }
      }
      await sleep(POLL_MS);
    }
  }

  const looking = look().catch((error: unknown) => (failure = error));
  return {
    expect(index) {
      waiting.set(idOf(factOf(index)), { index, since: performance.now(), counts: isCounted() });
    },
    async end() {
      giveUpAt = performance.now() + SEEN_WITHIN_MS;
      await looking;
      if (failure !== undefined) throw new Error('the database cannot be asked', { cause: failure });
      return { ...percentiles(times), unseen: waiting.size };
    },
  };
}
