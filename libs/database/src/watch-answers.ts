import { type Sql } from './transaction';

export type Answers = {
  /** Why it counts as away, or undefined: known already, so that nobody who asks has to wait for the database. */
  fault(): string | undefined;
  close(): void;
};

const ASK_EVERY_MS = 1000;
/** Longer than any failover of a connection, or wait for one of the pool, that is worth telling. */
const AWAY_MS = 3000;

/** Asks the database every second whether it is there; one question at a time, however long that takes. It has just answered. */
export function watchAnswers(sql: Sql): Answers {
  let answeredAt = performance.now();
  let isAsking = false;

  async function ask(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      await sql('SELECT 1');
      answeredAt = performance.now();
    } catch {
      // The next question comes in a second.
    } finally {
      isAsking = false;
    }
  }

  const asking = setInterval(() => void ask(), ASK_EVERY_MS).unref();
  return {
    fault() {
      const silentMs = performance.now() - answeredAt;
      return silentMs > AWAY_MS ? `has not answered for ${Math.round(silentMs / 1000)} s` : undefined;
    },
    close: () => clearInterval(asking),
  };
}
