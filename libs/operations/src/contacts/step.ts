import { setTimeout as delay } from 'node:timers/promises';
import { classifyDatabaseError, type Sql } from '@talaria/database';
import { type DataSource } from 'typeorm';
import { patiently } from '../patiently';

/** One kind of what a person is known by. */
export type Step = {
  readonly count: (sql: Sql) => Promise<number>;
  /** Done twice it finds nothing the second time. @returns how much there was */
  readonly erase: (dataSource: DataSource) => Promise<number>;
};

/** A processor waits for no longer than a slice takes. */
const SLICE = 500;
const CONFLICT_RETRIES = 10;
const CONFLICT_PAUSE_MS = 50;

/**
 * What is found is removed in slices, each in a transaction. Nothing comes after it was looked for: see `eraseContact`.
 * @param remove of what it is given something may be gone already
 */
export function stepOf<Key>(
  find: (sql: Sql) => Promise<readonly Key[]>,
  remove: (sql: Sql, keys: readonly Key[]) => Promise<unknown>,
): Step {
  return {
    count: async (sql) => (await find(sql)).length,
    async erase(dataSource) {
      const keys = await patiently(dataSource, find);
      for (let from = 0; from < keys.length; from += SLICE)
        await inOne(dataSource, (sql) => remove(sql, keys.slice(from, from + SLICE)));
      return keys.length;
    },
  };
}

/** One transaction, tried again when it meets another: that is a processor's, and over in a moment. */
async function inOne(dataSource: DataSource, work: (sql: Sql) => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await patiently(dataSource, work);
      return;
    } catch (error) {
      if (classifyDatabaseError(error) !== 'conflict' || attempt === CONFLICT_RETRIES) throw error;
      await delay(Math.random() * CONFLICT_PAUSE_MS * attempt);
    }
  }
}
