import { inTransaction, type Sql } from '@talaria/database';
import { type KeyProvider, keyIdOf } from '@talaria/registry';
import { type DataSource } from 'typeorm';
import { NotFoundError } from '../errors';

/** What every change to the registry takes. */
export type RegistryAccess = {
  readonly dataSource: DataSource;
  /** All is done, checked by the database, and taken back: nobody hears of it. */
  readonly dryRun?: boolean;
};

/** The same, where a token or secret is stored. */
export type SealingAccess = RegistryAccess & { readonly keys: KeyProvider };

/** Whoever may be paused and has a rate. */
export type Noun = 'account' | 'number' | 'app';

/** Who holds back what is to be sent: itself, or what is above it. */
export type State = 'active' | 'paused' | 'account-paused' | 'app-paused';

export type Pause = {
  readonly state: State;
  /** Of itself. ISO time, `infinity` until somebody resumes it, null when it is not paused. */
  readonly pausedUntil: string | null;
  readonly pausedReason: string | null;
  readonly pausedBy: 'person' | 'meta' | null;
};

/** Which token is used, and by which key it is sealed. Never the token. */
export type TokenState = {
  readonly token: 'own' | 'account' | 'none';
  readonly tokenKeyId: string | null;
};

export type PauseRow = {
  readonly paused: boolean;
  readonly paused_until: Date | number | null;
  readonly paused_reason: string | null;
  readonly paused_by: 'person' | 'meta' | null;
};

export const pauseColumns = (alias: string) =>
  `coalesce(${alias}.paused_until > now(), false) AS paused, ${alias}.paused_until, ${alias}.paused_reason, ${alias}.paused_by`;

export const tables = {
  account: { table: 'wabas', key: 'waba_id', list: '`talaria accounts list`' },
  number: { table: 'phone_numbers', key: 'phone_number_id', list: '`talaria numbers list`' },
  app: { table: 'apps', key: 'app_id', list: '`talaria apps list`' },
} as const;

/** A pause that is over is none. */
export function pauseOf(row: PauseRow, above: { accountPaused?: boolean; appPaused?: boolean } = {}): Pause {
  const { accountPaused = false, appPaused = false } = above;
  const held = accountPaused ? 'account-paused' : appPaused ? 'app-paused' : 'active';
  return {
    state: row.paused ? 'paused' : held,
    pausedUntil: row.paused ? timeOf(row.paused_until) : null,
    pausedReason: row.paused ? row.paused_reason : null,
    pausedBy: row.paused ? row.paused_by : null,
  };
}

const timeOf = (time: Date | number | null) =>
  time instanceof Date ? time.toISOString() : time === null ? null : 'infinity';

export function tokenStateOf(own: string | null, ofAccount: string | null): TokenState {
  const sealed = own ?? ofAccount;
  return {
    token: own !== null ? 'own' : ofAccount !== null ? 'account' : 'none',
    tokenKeyId: sealed === null ? null : (keyIdOf(sealed) ?? null),
  };
}

class DryRun extends Error {
  constructor(readonly result: unknown) {
    super();
  }
}

/** Runs a change in one transaction, which is taken back when it is only tried. */
export async function change<T>(
  { dataSource, dryRun = false }: RegistryAccess,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  try {
    return await inTransaction(dataSource, async (sql) => {
      const result = await work(sql);
      if (dryRun) throw new DryRun(result);
      return result;
    });
  } catch (error) {
    if (error instanceof DryRun) return error.result as T;
    throw error;
  }
}

export const notThere = (noun: Noun, id: string) =>
  new NotFoundError(`There is no ${noun} ${id}: ${tables[noun].list} shows those there are`);

/** Changes one row. @throws {NotFoundError} when there is none */
export async function update(
  sql: Sql,
  noun: Noun,
  id: string,
  columns: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { table, key } = tables[noun];
  const names = Object.keys(columns);
  const sets = names.map((name, index) => `${name} = $${index + 2}`).join(', ');
  const rows = await sql(`UPDATE ${table} SET ${sets} WHERE ${key} = $1 RETURNING ${key}`, [
    id,
    ...Object.values(columns),
  ]);
  if (rows.length === 0) throw notThere(noun, id);
}

/** @param until undefined: until somebody resumes it */
export function pause(
  sql: Sql,
  noun: Noun,
  id: string,
  { reason, until }: { readonly reason: string; readonly until?: Date },
): Promise<void> {
  return update(sql, noun, id, {
    paused_until: until ?? 'infinity',
    paused_reason: reason,
    paused_by: 'person',
  });
}

/** Takes back a pause, whoever made it. */
export const resume = (sql: Sql, noun: Noun, id: string) =>
  update(sql, noun, id, { paused_until: null, paused_reason: null, paused_by: null });
