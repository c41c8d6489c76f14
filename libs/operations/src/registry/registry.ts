import { inTransaction, recordRegistryChanges, type RegistryChange, type Sql } from '@talaria/database';
import { type KeyProvider, keyIdOf } from '@talaria/registry';
import { type DataSource } from 'typeorm';
import { NotFoundError } from '../errors';

/** What every change to the registry takes. */
export type RegistryAccess = {
  readonly dataSource: DataSource;
  /** All is done, checked by the database, and taken back: nobody hears of it. */
  readonly dryRun?: boolean;
};

/** The same, where a person is to be found in the changes of the registry. */
export type SignedAccess = RegistryAccess & {
  /** A name. */
  readonly by: string;
};

/** The same, where a token or secret is stored. */
export type SealingAccess = RegistryAccess & { readonly keys: KeyProvider };

/** Whoever may be paused and has a rate. */
export type Noun = 'account' | 'number' | 'app';

/** Who holds back what is to be sent: a person or Meta, by itself or by what is above it. */
export type State =
  'active' | 'paused' | 'restricted' | 'account-paused' | 'account-restricted' | 'app-paused';

export type Pause = {
  readonly state: State;
  /** Of itself. ISO time, `infinity` until somebody resumes it, null when it is not paused. */
  readonly pausedUntil: string | null;
  readonly pausedReason: string | null;
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
};

export const pauseColumns = (alias: string) =>
  `coalesce(${alias}.paused_until > now(), false) AS paused, ${alias}.paused_until, ${alias}.paused_reason`;

export const tables = {
  account: { table: 'wabas', key: 'waba_id', list: '`talaria accounts list`' },
  number: { table: 'phone_numbers', key: 'phone_number_id', list: '`talaria numbers list`' },
  app: { table: 'apps', key: 'app_id', list: '`talaria apps list`' },
} as const;

/**
 * A pause that is over is none.
 * @param others what else holds it back, what is nearest first
 */
export function pauseOf(row: PauseRow, others: Partial<Record<State, boolean>> = {}): Pause {
  const [held = 'active'] = (Object.keys(others) as State[]).filter((state) => others[state]);
  return {
    state: row.paused ? 'paused' : held,
    pausedUntil: row.paused ? timeOf(row.paused_until) : null,
    pausedReason: row.paused ? row.paused_reason : null,
  };
}

export const timeOf = (time: Date | number | null) =>
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

/** Who changes something, and why; undefined where the change says it all. */
type Signed = { readonly by: string; readonly reason?: string };

export type HowLong = {
  readonly reason: string;
  /** Undefined: until somebody resumes it. */
  readonly until?: Date;
};

export async function pause(
  sql: Sql,
  noun: Noun,
  id: string,
  { reason, until, by }: HowLong & { readonly by: string },
): Promise<void> {
  await update(sql, noun, id, { paused_until: until ?? 'infinity', paused_reason: reason });
  await keep(sql, noun, id, { change: 'pause', until: until ?? 'infinity', by, reason });
}

export async function resume(sql: Sql, noun: Noun, id: string, signed: Signed): Promise<void> {
  await update(sql, noun, id, { paused_until: null, paused_reason: null });
  await keep(sql, noun, id, { change: 'resume', ...signed });
}

export async function setRate(
  sql: Sql,
  noun: Noun,
  id: string,
  messagesPerSecond: number | null,
  by: string,
): Promise<void> {
  await update(sql, noun, id, { messages_per_second: messagesPerSecond });
  await keep(sql, noun, id, { change: 'rate', by, reason: `to ${messagesPerSecond ?? 'no ceiling'}` });
}

/** Among the changes of the registry, for whoever asks later, and for Meta's news to heed. */
export function keep(
  sql: Sql,
  noun: Noun,
  id: string,
  {
    by,
    reason,
    ...what
  }: Pick<RegistryChange, 'change'> & Partial<Pick<RegistryChange, 'until' | 'changedAt'>> & Signed,
): Promise<unknown> {
  const subject = `${tables[noun].table}/${id}`;
  const signed = { changedBy: `person:${by}` as const, reason: reason ?? null };
  return recordRegistryChanges(sql, [
    { subject, until: null, changedAt: new Date(), ...what, ...signed, eventId: null },
  ]);
}

/** What was changed, by whom and why. */
export type KeptChange = {
  readonly changedAt: string;
  /** `meta`, or `person:` and a name. */
  readonly changedBy: string;
  readonly change: string;
  readonly until: string | null;
  readonly reason: string | null;
};

const CHANGES_SHOWN = 20;

/** The last ones, newest first. */
export async function readChanges(sql: Sql, noun: Noun, id: string): Promise<KeptChange[]> {
  const rows = await sql<Omit<KeptChange, 'changedAt' | 'until'> & { at: Date; until: Date | number | null }>(
    `SELECT changed_at AS at, changed_by AS "changedBy", change, until, reason FROM registry_changes
     WHERE subject = $1 ORDER BY changed_at DESC, id DESC LIMIT ${CHANGES_SHOWN}`,
    [`${tables[noun].table}/${id}`],
  );
  return rows.map(({ at, until, ...change }) => ({
    changedAt: at.toISOString(),
    ...change,
    until: timeOf(until),
  }));
}
